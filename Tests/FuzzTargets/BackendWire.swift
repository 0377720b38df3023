import Bytes
import SMTPWire

/// What a strict server hears of us: an optional PROXY header, then lines and chunks that are clean wherever they must be.
///
/// The server's own replies decide whether content follows DATA and whether a line is a login's.
struct BackendWire {
    /// What is to be answered.
    enum Heard: Equatable {
        case command(String)
        case response
        case content
        case chunk(last: Bool)
    }

    private enum Mode {
        case proxyHeader, commands, dataAsked, content
        case chunk(remaining: UInt64, last: Bool)
    }

    private var mode: Mode
    private var unread: [UInt8] = []
    private var isBinary = false
    private var isInLogin = false
    /// The octets of the chunks of one message end with CR.
    private var afterCR = false
    private var replyLine: [UInt8] = []
    /// Of the last reply since the last command that changes what follows; nil when there was none.
    private var lastCode: Int?

    init(expectsProxyHeader: Bool) {
        mode = expectsProxyHeader ? .proxyHeader : .commands
    }

    /// The server said these octets.
    mutating func said(_ bytes: [UInt8]) {
        for octet in bytes {
            replyLine.append(octet)
            guard octet == ASCII.lf else { continue }
            if replyLine.count >= 4, replyLine[3] != ASCII.hyphen {
                lastCode = Int(String(decoding: replyLine.prefix(3), as: UTF8.self))
            }
            replyLine = []
        }
    }

    /// These octets reached the server.
    mutating func heard(_ bytes: [UInt8]) throws(Complaint) -> [Heard] {
        unread += bytes
        var all: [Heard] = []
        var before = -1
        // Some octets change only the mode.
        while !unread.isEmpty, unread.count != before {
            before = unread.count
            if let heard = try next() { all.append(heard) }
        }
        return all
    }

    private mutating func next() throws(Complaint) -> Heard? {
        if case .dataAsked = mode {
            guard let lastCode else { throw Complaint(text: "\(shown(unread)) before the reply to DATA") }
            mode = lastCode == 354 ? .content : .commands
        }
        switch mode {
        case .proxyHeader:
            try takeProxyHeader()
            return nil
        case .commands, .dataAsked:
            guard let line = try takeLine() else { return nil }
            return try command(line)
        case .content:
            guard try takeLine() == [ASCII.dot] else { return nil }
            mode = .commands
            return .content
        case .chunk(let remaining, let last): return try takeChunk(remaining, last)
        }
    }

    private mutating func takeProxyHeader() throws(Complaint) {
        switch ProxyHeader.parse(unread.span.bytes) {
        case .incomplete: return
        case .header(_, let length): unread.removeFirst(length)
        case .notProxy, .invalid: throw Complaint(text: "no PROXY header: \(shown(unread))")
        }
        mode = .commands
    }

    /// A line without its CRLF, or nil when its end has not come; whatever else is like an end is wrong.
    private mutating func takeLine() throws(Complaint) -> [UInt8]? {
        for (index, octet) in unread.enumerated() where [ASCII.cr, ASCII.lf, ASCII.nul].contains(octet) {
            if octet == ASCII.cr, index + 1 == unread.count { return nil }
            try require(
                octet == ASCII.cr && unread[index + 1] == ASCII.lf, "a bare newline or NUL in \(shown(unread))")
            let line = Array(unread.prefix(index))
            unread.removeFirst(index + 2)
            return line
        }
        return nil
    }

    /// nil for a chunk whose payload has not come: it is answered with its last octet.
    private mutating func command(_ line: [UInt8]) throws(Complaint) -> Heard? {
        let isClean = line.allSatisfy { $0 >= 0x20 && $0 != ASCII.del }
        try require(isClean, "control characters in the command \(shown(line))")
        if isInLogin, lastCode == 334 {
            lastCode = nil
            return .response
        }
        let text = String(decoding: line, as: UTF8.self)
        let verb = String(text.prefix { $0 != " " })
        isInLogin = verb == "AUTH"
        switch verb {
        case "AUTH": lastCode = nil
        case "DATA":
            lastCode = nil
            mode = .dataAsked
        case "MAIL":
            isBinary = text.contains(" BODY=BINARYMIME")
            afterCR = false
        case "BDAT": return try chunkBegins(text)
        case "EHLO", "HELO", "STARTTLS", "XCLIENT", "RCPT", "RSET", "QUIT", "NOOP": break
        case _: throw Complaint(text: "not a command: \(shown(line))")
        }
        return .command(text)
    }

    // MARK: Chunks

    private mutating func chunkBegins(_ line: String) throws(Complaint) -> Heard? {
        let words = line.split(separator: " ")
        guard words.count == 2 || words.count == 3 && words[2] == "LAST", let size = UInt64(words[1]) else {
            throw Complaint(text: "not a command: \(line)")
        }
        mode = .chunk(remaining: size, last: words.count == 3)
        return try takeChunk(size, words.count == 3)
    }

    private mutating func takeChunk(_ remaining: UInt64, _ last: Bool) throws(Complaint) -> Heard? {
        let count = Int(min(remaining, UInt64(unread.count)))
        if !isBinary { try follow(unread.prefix(count)) }
        unread.removeFirst(count)
        mode = .chunk(remaining: remaining - UInt64(count), last: last)
        guard remaining == UInt64(count) else { return nil }
        if last {
            try require(isBinary || !afterCR, "a message in chunks ends with CR")
            afterCR = false
        }
        mode = .commands
        return .chunk(last: last)
    }

    private mutating func follow(_ payload: ArraySlice<UInt8>) throws(Complaint) {
        for octet in payload {
            try require((octet == ASCII.lf) == afterCR && octet != ASCII.nul, "a bare newline or NUL in a chunk")
            afterCR = octet == ASCII.cr
        }
    }
}
