import Bytes
import SMTPWire

/// Lines from a client: framing agrees with a slow reference, and what the encoder writes for a command parses to it again.
enum CommandTarget {
    /// Octets of a line's content; less than the default, so that the fuzzer reaches it.
    static let limit = 300

    static func check(_ input: [UInt8]) throws(Complaint) {
        var rest = input[...]
        while !rest.isEmpty {
            let bytes = Array(rest)
            let frame = LineFramer.next(bytes.span.bytes, limit: limit)
            let expected = reference(bytes)
            try require(frame == expected, "\(frame) instead of \(expected) in \(shown(bytes))")
            switch frame {
            case .incomplete:
                return
            case .line(let length):
                try checkPrefixes(bytes, length)
                try checkCommand(Array(bytes.prefix(length)))
                rest = rest.dropFirst(length + 2)
            case .bareNewline(_, let consumed):
                try require((1...bytes.count).contains(consumed), "\(consumed) octets consumed of \(bytes.count)")
                rest = rest.dropFirst(consumed)
            case .tooLong(let scanned):
                let behind = Array(rest.dropFirst(scanned))
                rest = rest.dropFirst(scanned + (try discarded(behind)))
            }
        }
    }

    // MARK: Framing

    /// RFC 5321 2.3.8, octet by octet.
    private static func reference(_ bytes: [UInt8]) -> LineFrame {
        let breaks = [ASCII.cr, ASCII.lf, ASCII.nul]
        let end = bytes.firstIndex(where: breaks.contains) ?? bytes.count
        if end > limit { return .tooLong(scanned: end) }
        guard end < bytes.count else { return .incomplete }
        let isLast = end + 1 == bytes.count
        let kind: Violation
        switch bytes[end] {
        case ASCII.cr:
            if isLast { return .incomplete }
            if bytes[end + 1] == ASCII.lf { return .line(length: end) }
            kind = .bareCR
        case ASCII.lf: kind = .bareLF
        case _: kind = .nul
        }
        let feed = bytes[end...].firstIndex(of: ASCII.lf)
        return .bareNewline(kind, consumed: feed.map { $0 + 1 } ?? bytes.count)
    }

    /// A line is not seen before its last octet has come.
    private static func checkPrefixes(_ bytes: [UInt8], _ length: Int) throws(Complaint) {
        for count in [0, 1, length / 2, length, length + 1] where count < length + 2 {
            let prefix = Array(bytes.prefix(count))
            let frame = LineFramer.next(prefix.span.bytes, limit: limit)
            try require(frame == .incomplete, "\(frame) after \(count) octets of \(shown(bytes))")
        }
    }

    /// How many octets belong to the line that was too long; the same in one piece and octet by octet.
    private static func discarded(_ bytes: [UInt8]) throws(Complaint) -> Int {
        var whole = LineDiscarder()
        let result = whole.discard(bytes.span.bytes)
        var single = LineDiscarder()
        var count = 0
        var ended = false
        while count < bytes.count, !ended {
            let octet = [bytes[count]]
            ended = single.discard(octet.span.bytes).ended
            count += 1
        }
        try require(result == (count, ended), "discarded \(result), singly \((count, ended)) of \(shown(bytes))")
        return count
    }
}

// MARK: Commands

extension CommandTarget {
    private static func checkCommand(_ line: [UInt8]) throws(Complaint) {
        guard case .success(let command) = CommandParser.parse(line.span.bytes), let encoded = encoded(command) else {
            return
        }
        try require(encoded.suffix(2) == [ASCII.cr, ASCII.lf], "no CRLF ends \(shown(encoded))")
        let content = Array(encoded.dropLast(2))
        let frame = LineFramer.next(encoded.span.bytes, limit: encoded.count)
        try require(frame == .line(length: content.count), "\(shown(line)) is written as \(shown(encoded))")
        let again = CommandParser.parse(content.span.bytes)
        try require(
            again == .success(canonical(command)), "\(shown(line)) became \(shown(content)), which is another command")
    }

    /// What is never passed on is gone.
    private static func canonical(_ command: Command) -> Command {
        switch command {
        case .mail(var mail):
            mail.hadSourceRoute = false
            return .mail(mail)
        case .rcpt(var rcpt):
            rcpt.hadSourceRoute = false
            return .rcpt(rcpt)
        case .helo, .ehlo, .starttls, .auth, .data, .bdat, .rset, .noop, .quit, .vrfy, .expn, .help:
            return command
        }
    }

    /// nil for what never goes to a backend.
    private static func encoded(_ command: Command) -> [UInt8]? {
        switch command {
        case .helo(let name): written { CommandEncoder.ehlo(name.bytes, esmtp: false, to: &$0) }
        case .ehlo(let name): written { CommandEncoder.ehlo(name.bytes, esmtp: true, to: &$0) }
        case .starttls: written { CommandEncoder.starttls(to: &$0) }
        case .auth(let auth): encoded(auth)
        case .mail(let mail): written { CommandEncoder.mail(mail, to: &$0) }
        case .rcpt(let rcpt): written { CommandEncoder.rcpt(rcpt, to: &$0) }
        case .data: written { CommandEncoder.data(to: &$0) }
        case .bdat(let size, let last): written { CommandEncoder.bdat(size: size, last: last, to: &$0) }
        case .rset: written { CommandEncoder.rset(to: &$0) }
        case .noop: written { CommandEncoder.noop(to: &$0) }
        case .quit: written { CommandEncoder.quit(to: &$0) }
        case .vrfy, .expn, .help: nil
        }
    }

    private static func encoded(_ auth: AuthCommand) -> [UInt8]? {
        guard let mechanism = auth.mechanism else { return nil }
        let initial: [UInt8]? =
            switch auth.initialResponse {
            case .none: nil
            case .empty: []
            case .base64(let text): text
            }
        return written { CommandEncoder.auth(mechanism, initial: initial, to: &$0) }
    }
}
