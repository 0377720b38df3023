internal import Bytes
internal import Diagnostics
internal import PolicyLanguage

extension TestReader {
    /// The pairs of a mapping by key; unknown ones are reported.
    func keys(_ node: YAMLNode, _ known: [String], _ shown: String) -> [String: YAMLNode.Pair] {
        guard case .mapping(let pairs) = node.value else {
            if node.value != .poisoned {
                error(.wrongType, node.range, "\(shown) must be a mapping, found \(node.kind)")
            }
            return [:]
        }
        var result: [String: YAMLNode.Pair] = [:]
        for pair in pairs {
            if !known.contains(pair.key) {
                error(
                    .unknownKey, pair.keyRange, "unknown key '\(pair.key)' in \(shown)",
                    hint: Suggestion.nearest(to: pair.key, in: known).map { "did you mean '\($0)'?" })
            }
            result[pair.key] = pair
        }
        return result
    }

    func items(_ pair: YAMLNode.Pair) -> [YAMLNode] {
        if case .sequence(let items) = pair.value.value { return items }
        error(.wrongType, pair.value.range, "'\(pair.key)' takes a list, found \(pair.value.kind)")
        return []
    }

    func text(_ pair: YAMLNode.Pair) -> String? {
        if case .scalar(let text, _) = pair.value.value { return text }
        error(.wrongType, pair.value.range, "'\(pair.key)' takes a single value, found \(pair.value.kind)")
        return nil
    }

    /// One value, or a list of them.
    func strings(_ node: YAMLNode) -> [String] {
        switch node.value {
        case .scalar(let text, _): [text]
        case .sequence(let items): items.flatMap(strings)
        case .mapping, .poisoned: []
        }
    }

    /// Nanoseconds.
    func duration(_ pair: YAMLNode.Pair) -> UInt64? {
        guard let text = text(pair) else { return nil }
        if let value = Units.duration(text) { return value }
        error(.badUnit, pair.value.range, "'\(pair.key)' cannot be '\(text)'", hint: "a duration, such as 18s or 1h")
        return nil
    }
}

// MARK: Scripts

extension TestReader {
    func conversation(_ pair: YAMLNode.Pair, _ keys: [String: YAMLNode.Pair]) -> ConversationScript? {
        guard let text = text(pair) else { return nil }
        var script = ConversationScript(range: pair.keyRange)
        if let listener = keys["listener"] { readListener(listener, into: &script) }
        if let client = keys["client"], let address = self.text(client) {
            script.client = address
            if IPAddress(address) == nil { error(.badValue, client.value.range, "'\(address)' is not an address") }
        }
        script.lines = lines(text, pair)
        return script
    }

    private func readListener(_ pair: YAMLNode.Pair, into script: inout ConversationScript) {
        let keys = keys(pair.value, ["port", "name", "tls"], "'listener'")
        if let port = keys["port"], let text = text(port) {
            if let number = Units.number(text).flatMap({ UInt16(exactly: $0) }) {
                script.port = number
            } else {
                error(.badValue, port.value.range, "'\(text)' is not a port")
            }
        }
        if let name = keys["name"], let text = text(name) { script.listener = text }
        if let tls = keys["tls"], let text = text(tls) {
            script.tls = text
            if !["none", "starttls", "implicit"].contains(text) {
                error(.badValue, tls.value.range, "'tls' is none, starttls or implicit")
            }
        }
    }

    private func lines(_ text: String, _ pair: YAMLNode.Pair) -> [ConversationScript.Line] {
        let written = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var result: [ConversationScript.Line] = []
        var index = 0
        while index < written.count {
            let number = index + 1
            let line = written[index].trimmedBlanks
            index += 1
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line == "C: DATA <<" {
                var content: [String] = []
                while index < written.count, written[index].trimmedBlanks != "." {
                    content.append(written[index])
                    index += 1
                }
                index += 1
                result.append(ConversationScript.Line(kind: .data(content), number: number))
            } else if let kind = kind(line) {
                result.append(ConversationScript.Line(kind: kind, number: number))
            } else {
                error(
                    .badValue, place(ofLine: number, in: written, pair), "this line of the script is not understood",
                    hint: "S: CODE *TEXT* !TEXT, C: COMMAND, C: TLS, C: AUTH USER, C: DATA <<, advance 30s")
            }
        }
        return result
    }

    private func place(ofLine number: Int, in written: [String], _ pair: YAMLNode.Pair) -> SourceRange {
        let start = written.prefix(number - 1).reduce(0) { $0 + $1.utf8.count + 1 }
        return document.map(pair.value).range(start..<start + written[number - 1].utf8.count)
    }

    private func kind(_ line: String) -> ConversationScript.Kind? {
        if line.hasPrefix("advance ") { return Units.duration(String(line.dropFirst(8))).map { .advance($0) } }
        if line == "S:" || line.hasPrefix("S: ") { return server(String(line.dropFirst(2)).trimmedBlanks) }
        guard line.hasPrefix("C: ") else { return nil }
        return Self.kind(ofClient: String(line.dropFirst(3)))
    }

    /// What the client does.
    static func kind(ofClient command: String) -> ConversationScript.Kind? {
        let words = command.split(separator: " ").map(String.init)
        if command == "TLS" { return .tls }
        if words.first == "AUTH", words.count == 2, !mechanisms.contains(words[1].uppercased()) {
            return .auth(user: words[1], succeeds: true)
        }
        if words.first == "AUTH", words.count == 3, words[2] == "wrong" {
            return .auth(user: words[1], succeeds: false)
        }
        return .client(command)
    }

    /// `C: AUTH PLAIN` is the command, `C: AUTH alice` a whole login.
    private static let mechanisms: Set<String> = [
        "PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-256",
    ]

    /// `250 *X* !Y`: a code, texts between stars that must occur, texts behind `!` that must not; nil for a text without a code.
    ///
    /// The rest is for people, unless it follows the code directly, such as an enhanced code, and must occur too.
    private func server(_ text: String) -> ConversationScript.Kind? {
        var code: String?
        var wanted: [String] = []
        var unwanted: [String] = []
        var rest = Substring(text)
        if let first = rest.split(separator: " ").first, first.utf8.count == 3, Units.number(first) != nil {
            code = String(first)
            rest = rest.dropFirst(3)
        }
        if code == nil, let first = rest.first, first != "*", first != "!" { return nil }
        while let first = rest.first {
            if first == " " {
                rest = rest.dropFirst()
            } else if first == "*" {
                let inner = rest.dropFirst().prefix { $0 != "*" }
                wanted.append(String(inner))
                rest = rest.dropFirst(inner.count + 2)
            } else if first == "!" {
                let word = rest.dropFirst().prefix { $0 != " " }
                unwanted.append(String(word))
                rest = rest.dropFirst(word.count + 1)
            } else {
                let plain = rest.prefix { $0 != "*" && $0 != "!" }
                wanted.append(String(plain).trimmedBlanks)
                rest = rest.dropFirst(plain.count)
            }
        }
        return .server(code: code, wanted: wanted, unwanted: unwanted)
    }
}
