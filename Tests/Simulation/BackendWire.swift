// One backend connection as a strict server hears it: commands, content with one end, nothing before its time.

final class BackendWire {
    /// What a server was told, each to be answered once.
    enum Heard: Equatable {
        case hello, xclient, starttls, mail, data, rset, quit
        case rcpt(String)
        case auth(String)
        case response(String)
        case end([UInt8])
        case chunk(size: Int, last: Bool)
    }

    private enum Mode: Equatable {
        case proxy, commands, content
        case chunk(size: Int, last: Bool)
        case over
    }

    private let oracle: Oracle
    private var wire = ByteQueue()
    private var mode: Mode
    private(set) var pending: [Heard] = []
    private var offersPipelining = false
    private var hasLogin = false
    private var isInLogin = false
    /// It answered what it had not heard.
    private var isOutOfStep = false
    private var chunks: [UInt8] = []

    init(_ oracle: Oracle, expectsProxyHeader: Bool) {
        self.oracle = oracle
        mode = expectsProxyHeader ? .proxy : .commands
    }

    /// Octets reached the server; what they say, oldest first.
    func heard(_ bytes: [UInt8]) -> [Heard] {
        wire.append(bytes)
        var all: [Heard] = []
        while let next = next() {
            all.append(next)
            pending.append(next)
        }
        return all
    }

    private func next() -> Heard? {
        switch mode {
        case .proxy: takeProxyHeader() ? next() : nil
        case .commands: nextCommand()
        case .content: nextContent()
        case .chunk(let size, let last): nextChunk(size, last)
        case .over: wire.isEmpty ? nil : fail("octets behind QUIT")
        }
    }

    private func fail(_ what: String) -> Heard? {
        oracle.violate("backend: \(what)")
        wire.removeAll()
        return nil
    }

    // MARK: Forms

    private func takeProxyHeader() -> Bool {
        let bytes = Array(wire.unread.prefix(16))
        if bytes.first == 0x50 {
            guard let length = wire.lineLength else { return false }
            _ = wire.take(length)
        } else {
            guard bytes.count == 16 else { return false }
            let length = 16 + Int(bytes[14]) << 8 + Int(bytes[15])
            guard wire.count >= length else { return false }
            if bytes[0] != 0x0D || bytes[12] != 0x21 { oracle.violate("backend: no PROXY header") }
            _ = wire.take(length)
        }
        mode = .commands
        return true
    }

    private func nextCommand() -> Heard? {
        guard let length = wire.lineLength else {
            return hasBareNewline(wire.unread.dropLast()) ? fail("a bare newline among commands") : nil
        }
        let octets = wire.take(length).dropLast(2)
        if hasBareNewline(octets) || octets.contains(where: { $0 < 0x20 }) {
            return fail("control characters in a command")
        }
        let line = text(octets)
        if !mayComeNow { return fail("\(line.debugDescription) before the reply to \(pending)") }
        if isInLogin {
            isInLogin = false
            return .response(line)
        }
        guard let heard = parse(line) else { return fail("not a command: \(line.debugDescription)") }
        if case .chunk(let size, let last) = heard {
            mode = .chunk(size: size, last: last)
            return nextChunk(size, last)
        }
        check(heard)
        return heard
    }

    /// PIPELINING lets RSET, MAIL and RCPT be followed (RFC 2920 3.1), nothing else.
    private var mayComeNow: Bool {
        pending.isEmpty
            || offersPipelining
                && pending.allSatisfy {
                    switch $0 {
                    case .mail, .rset, .rcpt: true
                    case .hello, .xclient, .starttls, .data, .quit, .auth, .response, .end, .chunk: false
                    }
                }
    }

    private func parse(_ line: String) -> Heard? {
        let verb = line.prefix { $0 != " " }
        switch verb {
        case "EHLO", "HELO": return line.count > 5 ? .hello : nil
        case "XCLIENT": return .xclient
        case "STARTTLS": return line == "STARTTLS" ? .starttls : nil
        case "MAIL": return line.hasPrefix("MAIL FROM:<") && line.contains(">") ? .mail : nil
        case "RCPT":
            guard line.hasPrefix("RCPT TO:<"), let end = line.lastIndex(of: ">") else { return nil }
            return .rcpt(String(line[line.index(line.startIndex, offsetBy: 9)..<end]))
        case "DATA": return line == "DATA" ? .data : nil
        case "RSET": return line == "RSET" ? .rset : nil
        case "AUTH": return .auth(line)
        case "QUIT":
            mode = .over
            return line == "QUIT" ? .quit : nil
        case "BDAT":
            guard let size = Oracle.chunkSize(line) else { return nil }
            return .chunk(size: size, last: line.hasSuffix(" LAST"))
        case _: return nil
        }
    }

    private func nextContent() -> Heard? {
        guard let length = wire.contentLength else { return nil }
        let sent = wire.take(length)
        if hasBareNewline(sent) { return fail("a bare newline in content") }
        mode = .commands
        return .end(unstuffed(sent))
    }

    private func nextChunk(_ size: Int, _ last: Bool) -> Heard? {
        guard wire.count >= size else { return nil }
        chunks += wire.take(size)
        if last, hasBareNewline(chunks) { return fail("a bare newline in chunks") }
        mode = .commands
        return .chunk(size: size, last: last)
    }

    // MARK: What the policy wants

    private func check(_ heard: Heard) {
        switch heard {
        case .mail:
            chunks = []
            if oracle.promise.needsTLS, !oracle.isTLS { oracle.violate("MAIL reached the backend without TLS") }
            if oracle.promise.needsLogin, !hasLogin { oracle.violate("MAIL reached the backend without a login") }
        case .rcpt(let address):
            if !oracle.recipientsAsked.contains(where: { $0.hasSuffix(address) }) {
                oracle.violate("recipient \(address) that nobody asked for")
            }
            guard let domain = oracle.promise.domain, address.lowercased() != "postmaster" else { return }
            let parts = address.lowercased().split(separator: "@")
            if parts.count != 2 || parts.last.map(String.init) != domain
                || address.contains(where: { "%!".contains($0) })
            {
                oracle.violate("recipient \(address) that the policy refuses")
            }
        case .hello, .xclient, .starttls, .data, .rset, .quit, .auth, .response, .end, .chunk: break
        }
    }

    // MARK: What the server says

    /// The server answers the oldest thing that is unanswered, or lies.
    func said(_ code: Int, _ text: String, pipelining: Bool = false) {
        if isOutOfStep { oracle.lies.insert(text) }
        guard !pending.isEmpty else {
            // It may meet a command that is under way, and so will every later reply.
            isOutOfStep = true
            oracle.lies.insert(text)
            return
        }
        let isPositive = (200..<300).contains(code)
        switch pending.removeFirst() {
        case .hello: if code == 250 { offersPipelining = pipelining }
        case .data:
            if code == 354 {
                mode = .content
                oracle.goAheads.insert(text)
            }
        case .rcpt(let address): if isPositive { oracle.recipients[text] = address }
        case .end(let body): if isPositive { oracle.messages[text] = body }
        case .chunk(_, let last):
            if last, isPositive { oracle.messages[text] = chunks }
            if last { chunks = [] }
        case .auth, .response:
            isInLogin = code == 334
            if code == 235 {
                hasLogin = true
                oracle.logins.insert(text)
            }
        case .xclient, .starttls: offersPipelining = false
        case .mail, .rset, .quit: break
        }
    }
}
