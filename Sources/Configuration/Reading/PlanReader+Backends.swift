internal import Bytes
internal import Diagnostics
internal import PolicyLanguage

/// `backends:`.
extension PlanReader {
    func backends(_ pair: YAMLNode.Pair?) -> [BackendPlan] {
        guard let pair else { return [] }
        guard let entries = mapping(pair.value, "'backends'") else { return [] }
        if entries.isEmpty {
            error(.missingKey, pair.keyRange, "'backends' needs at least one backend")
        }
        return entries.map(backend)
    }

    private func backend(_ pair: YAMLNode.Pair) -> BackendPlan {
        _ = checkName(pair, "backend")
        let section = section(pair.value, "backends.NAME", shown: "backend '\(pair.key)'", at: pair.keyRange)
        let backend = BackendPlan(
            name: pair.key, range: pair.keyRange, servers: servers(section["servers"]),
            identity: choice(section["identity"]) ?? .xclient, auth: auth(section["auth"]),
            realm: domain(section["realm"]),
            maxSessions: number(section["max_sessions"], in: 1...100_000).map { Int(clamping: $0) } ?? 100,
            tls: choice(section["tls"]) ?? .none, verify: flag(section["verify"]) ?? true,
            tlsName: domain(section["tls_name"]), ca: readableFile(section["ca"]))
        checkIdentity(backend, section)
        checkLogins(backend, section)
        checkVerification(backend, section)
        return backend
    }

    private func auth(_ pair: YAMLNode.Pair?) -> BackendPlan.Auth {
        guard let pair, let text = text(pair) else { return .none }
        if let absent = AbsentPart.value(text, of: "auth", in: "backends.NAME") {
            error(.notInThisVersion, pair.value.range, "'auth: \(text)' is not in this version", hint: absent.instead)
            return .none
        }
        switch text {
        case "relay": return .relay
        case "none": return .none
        default:
            reportChoice(pair, text, ["none", "relay"])
            return .none
        }
    }

    // MARK: Rules between keys

    private func checkIdentity(_ backend: BackendPlan, _ section: Section) {
        guard backend.identity == .none, let pair = section["identity"] else { return }
        warning(
            .identityNone, pair.value.range, "backend '\(backend.name)' will take every client for this machine",
            hint: "use xclient or proxy-v2 if it can")
    }

    /// A relayed login holds a password.
    private func checkLogins(_ backend: BackendPlan, _ section: Section) {
        guard backend.auth == .relay, backend.tls == .none else { return }
        for server in backend.servers where !server.isLoopback {
            error(
                .cleartextLogin, server.range, "'auth: relay' would send passwords to \(server) without TLS",
                hint: "add 'tls: starttls'")
        }
    }

    private func checkVerification(_ backend: BackendPlan, _ section: Section) {
        guard backend.tls != .none, backend.verify, section["tls_name"] == nil else { return }
        for server in backend.servers {
            guard case .address = server.host else { continue }
            error(
                .unverifiable, server.range, "the certificate of \(server) cannot be verified without 'tls_name'",
                hint: "add 'tls_name: NAME', or 'verify: false'")
        }
    }
}

// MARK: Servers

extension PlanReader {
    private func servers(_ pair: YAMLNode.Pair?) -> [ServerAddress] {
        guard let pair else { return [] }
        if case .sequence(let items) = pair.value.value, items.isEmpty {
            error(.missingKey, pair.value.range, "'servers' needs at least one server")
        }
        var servers: [ServerAddress] = []
        for item in list(pair) {
            guard let server = server(item) else { continue }
            if let first = servers.first(where: { $0.host == server.host && $0.port == server.port }) {
                error(
                    .duplicateName, server.range, "\(server) is given twice", hint: "first in line \(first.range.line)")
            }
            servers.append(server)
        }
        return servers
    }

    func server(_ node: YAMLNode) -> ServerAddress? {
        guard let text = text(node, "servers") else { return nil }
        guard let (host, port) = HostPort.split(text), port > 0 else {
            error(
                .badValue, node.range, "'\(text)' is not HOST:PORT", hint: "such as \"127.0.0.1:10025\" or \"[::1]:25\""
            )
            return nil
        }
        if let address = IPAddress(host) {
            return ServerAddress(host: .address(address), port: port, range: node.range)
        }
        if !text.hasPrefix("["), let name = DomainName.canonical(host) {
            return ServerAddress(host: .name(name), port: port, range: node.range)
        }
        error(.badValue, node.range, "'\(host)' is neither an address nor a DNS name")
        return nil
    }
}

/// `host:port` and `[v6]:port` as text.
enum HostPort {
    /// Nil without a port; a bare IPv6 address is not told from one with a port, so it needs its brackets.
    static func split(_ text: String) -> (host: String, port: UInt16)? {
        guard let colon = text.lastIndex(of: ":"),
            let number = Units.number(text[text.index(after: colon)...]), let port = UInt16(exactly: number)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]"), host.count > 2 {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") || host.contains("[") {
            return nil
        }
        return host.isEmpty ? nil : (String(host), port)
    }
}
