// The oracle watches both wires and knows only RFC 5321 and what we promise: nothing of the implementation.

/// What the oracle is told about the setting.
struct Promise {
    /// MAIL may reach the backend only from inside TLS.
    var needsTLS = false
    /// … and only on a connection where the backend took a login.
    var needsLogin = false
    /// Recipients may be in this domain only, without routing forms; nil: anywhere.
    var domain: String?
    /// Line ends are mended, so bodies may differ where they were wrong.
    var mends = false
    var longestLine = 2048
    /// The client makes no mistake and the backend refuses nothing: whatever goes wrong is a fault of ours or the link's.
    var isFlawless = false
}

final class Oracle {
    var promise: Promise
    private(set) var violation: String?

    // The client's wire.
    var delivered = ByteQueue()
    var told = ReplyReader()
    var awaited = Awaited.greeting
    var isTLS = false
    /// The last reply was given: nothing may follow.
    var isOver = false
    var isRefused = false
    var skipsLine = false
    var chunks: [UInt8] = []
    /// Whatever stood between angle brackets.
    var recipientsAsked: Set<String> = []
    private var bracketed: [UInt8]?

    // What backends said, by the text of the reply, which is never the same twice.
    var recipients: [String: String] = [:]
    var goAheads: Set<String> = []
    var logins: Set<String> = []
    var messages: [String: [UInt8]] = [:]
    /// Replies that answered nothing: whoever believes them is deceived, not wrong.
    var lies: Set<String> = []

    /// What happened, so that a run that proves nothing is seen.
    var seen = Seen()

    struct Seen {
        var messages = 0
        var chunkedMessages = 0
        var recipients = 0
        var logins = 0
        var handshakes = 0
        var faultReplies = 0
        var refusals = 0
        var questions = 0
        var refunds = 0

        mutating func add(_ other: Seen) {
            messages += other.messages
            chunkedMessages += other.chunkedMessages
            recipients += other.recipients
            logins += other.logins
            handshakes += other.handshakes
            faultReplies += other.faultReplies
            refusals += other.refusals
            questions += other.questions
            refunds += other.refunds
        }
    }

    enum Awaited {
        case greeting, command, loginResponse, content, handshake
    }

    init(_ promise: Promise) {
        self.promise = promise
    }

    func violate(_ what: String) {
        if violation == nil { violation = what }
    }
}

// MARK: The client's wire

extension Oracle {
    /// Octets of the client's reached the conversation.
    func clientDelivered(_ bytes: [UInt8]) {
        delivered.append(bytes)
        for octet in bytes {
            switch octet {
            case 0x3C: bracketed = []
            case 0x3E:
                if let address = bracketed { recipientsAsked.insert(text(address)) }
                bracketed = nil
            case _: if let count = bracketed?.count, count < 400 { bracketed?.append(octet) }
            }
        }
    }

    /// Octets of ours reached the client.
    func clientTold(_ bytes: [UInt8]) {
        told.append(bytes)
        while let reply = told.next() { judge(reply) }
    }

    func clientSecured() {
        if awaited != .handshake, awaited != .greeting { violate("TLS began without 220 to STARTTLS") }
        if !delivered.isEmpty { violate("octets in clear stand before TLS") }
        isTLS = true
        seen.handshakes += 1
        if awaited == .handshake { awaited = .command }
    }

    /// When nothing is under way any more, nothing may be unanswered.
    func expectNothingDue() {
        guard !isOver, !skipsLine else { return }
        switch awaited {
        case .greeting, .handshake: break
        case .command, .loginResponse:
            guard let length = delivered.lineLength else { return }
            let line = text(delivered.unread.prefix(length - 2))
            if let size = Self.chunkSize(line), delivered.count < length + size { return }
            violate("a command has no reply: \(line.prefix(60).debugDescription)")
        case .content:
            if delivered.contentLength != nil { violate("the end of data has no reply") }
        }
    }

    private func judge(_ reply: ReplyReader.Reply) {
        if reply.code == 0 { return violate("not a reply: \(reply.text.debugDescription)") }
        if isOver { return violate("\(reply.code) \(reply.text) after the last reply") }
        if promise.isFlawless, reply.code >= 500 {
            violate("\(reply.code) \(reply.text) for a fault that is not the client's")
        }
        if reply.code == 451 { seen.faultReplies += 1 }
        if reply.code >= 500 { seen.refusals += 1 }
        if reply.code == 421 {
            isOver = true
            return
        }
        switch awaited {
        case .greeting: judgeGreeting(reply)
        case .command: judgeCommand(reply)
        case .loginResponse: judgeResponse(reply)
        case .content: judgeContent(reply)
        case .handshake: violate("\(reply.code) instead of a handshake")
        }
    }

    private func judgeGreeting(_ reply: ReplyReader.Reply) {
        awaited = .command
        isRefused = reply.code == 554
        if reply.code != 220, reply.code != 554 { violate("greeting \(reply.code)") }
    }

    /// Takes the line that a reply answers; nil when the reply answers less than a line and that is in order.
    private func takeLine(_ reply: ReplyReader.Reply) -> String? {
        if skipsLine {
            guard let length = delivered.lineLength else {
                violate("\(reply.code) \(reply.text) before the end of a line")
                return nil
            }
            _ = delivered.take(length)
            skipsLine = false
        }
        if let length = delivered.lineLength {
            let line = delivered.take(length).dropLast(2)
            if hasBareNewline(line) {
                isOver = true
                if reply.code != 550, reply.code != 500 { violate("\(reply.code) to a bare newline") }
                return nil
            }
            return text(line)
        }
        if reply.code == 500, delivered.count > promise.longestLine - 2 {
            skipsLine = true
        } else if reply.code == 550, hasBareNewline(delivered.unread) {
            isOver = true
        } else {
            violate("\(reply.code) \(reply.text) answers no command")
        }
        return nil
    }

    private func judgeCommand(_ reply: ReplyReader.Reply) {
        guard let line = takeLine(reply) else { return }
        let verb = String(line.prefix { $0 != " " }).uppercased()
        if !Self.mayAnswer(verb, reply.code) {
            violate("\(reply.code) \(reply.text) to \(line.prefix(60).debugDescription)")
        }
        switch (verb, reply.code) {
        case ("BDAT", _): judgeChunk(line, reply)
        case ("QUIT", 221): isOver = true
        case ("DATA", 354):
            awaited = .content
            if !goAheads.contains(reply.text), !lies.contains(reply.text) {
                violate("354 that the backend did not give")
            }
        case ("RCPT", 200..<300): judgeRecipient(line, reply)
        case ("AUTH", _): judgeLogin(reply)
        case ("STARTTLS", 220): awaited = .handshake
        case ("MAIL", 250), ("RSET", 250), ("EHLO", 250), ("HELO", 250): chunks = []
        case _: break
        }
    }

    private static func mayAnswer(_ verb: String, _ code: Int) -> Bool {
        if code >= 400 { return true }
        switch verb {
        case "EHLO", "HELO", "NOOP", "RSET", "MAIL", "BDAT": return code == 250
        case "RCPT": return code < 300
        case "DATA": return code == 354
        case "AUTH": return code == 334 || code == 235
        case "STARTTLS": return code == 220
        case "QUIT": return code == 221
        case "VRFY": return code == 252
        case "HELP": return code == 214
        case _: return false
        }
    }

    private func judgeRecipient(_ line: String, _ reply: ReplyReader.Reply) {
        if lies.contains(reply.text) { return }
        let address = line.components(between: "<", and: ">").first ?? ""
        guard let given = recipients.removeValue(forKey: reply.text) else {
            return violate("\(reply.code) to a recipient that the backend did not give")
        }
        seen.recipients += 1
        if !address.hasSuffix(given) { violate("the reply for \(given) was given to \(address)") }
    }

    private func judgeLogin(_ reply: ReplyReader.Reply) {
        if reply.code == 235 { seen.logins += 1 }
        awaited = reply.code == 334 ? .loginResponse : .command
        if reply.code == 235, !logins.contains(reply.text), !lies.contains(reply.text) {
            violate("235 that the backend did not give")
        }
    }

    private func judgeResponse(_ reply: ReplyReader.Reply) {
        guard takeLine(reply) != nil else {
            awaited = .command
            return
        }
        if reply.code < 400, reply.code != 334, reply.code != 235 { violate("\(reply.code) to a login's response") }
        judgeLogin(reply)
    }
}

// MARK: Messages

extension Oracle {
    static func chunkSize(_ line: String) -> Int? {
        let words = line.uppercased().split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2 || words.count == 3 && words[2] == "LAST", words[0] == "BDAT" else { return nil }
        guard words[1].allSatisfy({ ("0"..."9").contains($0) }) else { return nil }
        return Int(words[1])
    }

    private func judgeChunk(_ line: String, _ reply: ReplyReader.Reply) {
        guard let size = Self.chunkSize(line), size <= delivered.count else {
            if reply.code < 400 { violate("\(reply.code) to a chunk that has not come") }
            isOver = true
            return
        }
        let payload = delivered.take(size)
        guard reply.code == 250 else { return }
        chunks += payload
        if line.uppercased().hasSuffix("LAST") {
            judgeMessage(chunks, reply, isChunked: true)
            chunks = []
        }
    }

    private func judgeContent(_ reply: ReplyReader.Reply) {
        guard let length = delivered.contentLength else {
            isOver = true
            if reply.code != 552 { violate("\(reply.code) \(reply.text) before the end of data") }
            return
        }
        awaited = .command
        let sent = delivered.take(length)
        if reply.code < 300 { judgeMessage(unstuffed(sent), reply, isChunked: false) }
        if (300..<400).contains(reply.code) { violate("\(reply.code) to the end of data") }
    }

    private func judgeMessage(_ body: [UInt8], _ reply: ReplyReader.Reply, isChunked: Bool) {
        if lies.contains(reply.text) { return }
        guard let taken = messages.removeValue(forKey: reply.text) else {
            return violate("\(reply.code) \(reply.text) to a message that the backend did not take")
        }
        seen.messages += 1
        if isChunked { seen.chunkedMessages += 1 }
        if promise.mends, hasBareNewline(body) { return }
        if taken == body || isChunked && taken == body + [0x0D, 0x0A] { return }
        violate("the backend took another message: \(taken.count) octets for \(body.count)")
    }
}

extension String {
    func components(between open: Character, and close: Character) -> [String] {
        split(separator: open, omittingEmptySubsequences: false).dropFirst().compactMap { part in
            part.firstIndex(of: close).map { String(part[..<$0]) }
        }
    }
}
