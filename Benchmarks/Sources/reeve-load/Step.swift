import Bytes

/// One step of a session; a session is a list of them, shared by all sessions of a run.
enum Step {
    /// A reply whose code begins with this digit (0: with any) is awaited.
    case reply(UInt8)
    case send([UInt8])
    /// AUTH PLAIN with a name of the session's own: one user would soon meet his limits.
    case login
    case handshake
    /// The clock of a message starts.
    case messageBegins
    /// The content of the message and its end.
    case content
    case messageEnds
    /// Nothing more until the peer closes.
    case hold
    case close
}

extension Options {
    /// The session that the options describe.
    var steps: [Step] {
        var steps: [Step] = []
        if tls == .implicit { steps.append(.handshake) }
        steps.append(.reply(2))
        if ending == .leave { return steps + [.close] }
        steps += exchange("EHLO load.example.net")
        if tls == .starttls {
            steps += exchange("STARTTLS") + [.handshake] + exchange("EHLO load.example.net")
        }
        if command == .hold && ending == .accepted && messages == 0 { return steps + [.hold] }
        if logsIn { steps += [.login, .reply(2)] }
        return steps + transactions + exchange("QUIT") + [.close]
    }

    private var transactions: [Step] {
        let mail = "MAIL FROM:<a@sender.example>"
        switch ending {
        case .leave: return []
        case .mail: return exchange(mail, 5)
        case .rcpt: return exchange(mail) + exchange("RCPT TO:<\(recipient)>", 5)
        case .accepted:
            let one =
                [.messageBegins] + exchange(mail) + exchange("RCPT TO:<\(recipient)>") + exchange("DATA", 3)
                + [.content, .reply(2), .messageEnds]
            return (0..<messages).flatMap { _ in one }
        }
    }

    private func exchange(_ line: String, _ digit: UInt8 = 2) -> [Step] {
        [.send(Array((line + "\r\n").utf8)), .reply(digit)]
    }
}

/// The command that logs user `number` in (RFC 4616).
func login(_ number: Int) -> [UInt8] {
    Array("AUTH PLAIN ".utf8) + base64(Array("\0user\(number)\0secret".utf8)) + [13, 10]
}

/// RFC 4648 §4.
func base64(_ octets: [UInt8]) -> [UInt8] {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    return stride(from: 0, to: octets.count, by: 3).flatMap { start -> [UInt8] in
        let group = octets[start..<min(start + 3, octets.count)]
        let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
        return (0..<4).map { $0 <= group.count ? alphabet[bits >> (18 - 6 * $0) & 63] : 0x3D }
    }
}

/// Content of `size` octets with its end-of-data, in lines of 74 octets.
func content(size: Int) -> [UInt8] {
    let header = Array("From: <a@sender.example>\r\nSubject: load\r\n\r\n".utf8)
    let line = [UInt8](repeating: 0x78, count: 72) + [13, 10]
    var bytes = header
    while bytes.count < size { bytes += line }
    return bytes + Array(".\r\n".utf8)
}

extension InputBuffer {
    /// The unread octets, for the length of the call.
    borrowing func look<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        unread.withUnsafeBytes { body($0) }
    }
}
