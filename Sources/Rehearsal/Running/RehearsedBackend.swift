internal import Bytes
internal import SMTPWire

/// A backend that takes everything but recipients whose local part begins with `unknown`, and logins whose password is
/// not `good`.
struct RehearsedBackend {
    static let password = "good"
    static let keywords = [
        "PIPELINING", "SIZE 52428800", "AUTH PLAIN LOGIN", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "CHUNKING",
    ]

    /// What a probe would have learnt.
    static var capabilities: Capabilities {
        Capabilities(ehlo: Reply(code: 250, lines: (["backend.test"] + keywords).map { Array($0.utf8) }))
    }

    private enum Reading {
        case commands
        case content
        case chunk(Int, isLast: Bool)
        case loginName, loginPassword
    }

    private var reading = Reading.commands
    private var bytes: [UInt8] = []

    /// What it says when it is connected to.
    static let greeting = "220 backend.test ESMTP\r\n"

    /// Takes what it was sent; the answer is what it says.
    mutating func receive(_ new: [UInt8]) -> String {
        bytes += new
        var replies = ""
        while let reply = step() { replies += reply }
        return replies
    }

    /// nil when it waits for more.
    private mutating func step() -> String? {
        if case .chunk(let size, let isLast) = reading {
            guard bytes.count >= size else { return nil }
            bytes.removeFirst(size)
            reading = .commands
            return isLast ? "250 2.0.0 Ok: queued as REHEARSED\r\n" : "250 2.0.0 Ok\r\n"
        }
        guard let end = bytes.firstIndex(of: 0x0A) else { return nil }
        let line = String(decoding: bytes[..<end].filter { $0 != 0x0D }, as: UTF8.self)
        bytes.removeFirst(end + 1)
        switch reading {
        case .commands, .chunk: return command(line)
        case .content:
            guard line == "." else { return "" }
            reading = .commands
            return "250 2.0.0 Ok: queued as REHEARSED\r\n"
        case .loginName:
            reading = .loginPassword
            return "334 UGFzc3dvcmQ6\r\n"
        case .loginPassword:
            reading = .commands
            return verdict(Base64.decode(Array(line.utf8)) == Array(Self.password.utf8))
        }
    }

    private mutating func command(_ line: String) -> String {
        let words = line.split(separator: " ").map(String.init)
        switch words.first?.uppercased() {
        case "EHLO":
            let lines = ["backend.test"] + Self.keywords
            return lines.enumerated().map { "250\($0.offset == lines.count - 1 ? " " : "-")\($0.element)\r\n" }.joined()
        case "RCPT":
            let isUnknown = line.uppercased().contains("<UNKNOWN")
            return isUnknown ? "550 5.1.1 User unknown\r\n" : "250 2.1.5 Ok\r\n"
        case "DATA":
            reading = .content
            return "354 End data with <CR><LF>.<CR><LF>\r\n"
        case "BDAT":
            let size = words.count > 1 ? Int(words[1]) ?? 0 : 0
            reading = .chunk(max(0, min(size, 1 << 30)), isLast: words.last?.uppercased() == "LAST")
            return ""
        case "AUTH": return auth(words)
        case "QUIT": return "221 2.0.0 Bye\r\n"
        case .some, .none: return "250 2.0.0 Ok\r\n"
        }
    }

    private mutating func auth(_ words: [String]) -> String {
        guard words.count > 2, words[1].uppercased() == "PLAIN" else {
            reading = .loginName
            return "334 VXNlcm5hbWU6\r\n"
        }
        let parts = (Base64.decode(Array(words[2].utf8)) ?? []).split(separator: 0, omittingEmptySubsequences: false)
        return verdict(parts.count == 3 && Array(parts[2]) == Array(Self.password.utf8))
    }

    private func verdict(_ isGood: Bool) -> String {
        isGood ? "235 2.7.0 Authentication successful\r\n" : "535 5.7.8 Error: authentication failed\r\n"
    }
}
