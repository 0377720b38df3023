internal import Bytes
internal import Diagnostics
internal import PolicyLanguage

/// What a listener binds.
extension PlanReader {
    /// Exactly one of `port`, `bind` and `socket`.
    func binding(_ section: Section, _ shown: String) -> ListenerPlan.Binding? {
        let given = ["port", "bind", "socket"].compactMap { section[$0] }
        guard let first = given.first else {
            error(.missingKey, section.range, "\(shown) needs 'port', 'bind' or 'socket'")
            return nil
        }
        for extra in given.dropFirst() {
            error(.conflict, extra.keyRange, "\(shown) has '\(first.key)' and '\(extra.key)'", hint: "keep one of them")
        }
        switch first.key {
        case "port": return number(first, in: 1...65535).map { .endpoints(wildcards(UInt16(clamping: $0), first)) }
        case "bind": return .endpoints(bound(first))
        default:
            guard let name = text(first) else { return nil }
            return socket(name, first.value.range)
        }
    }

    /// systemd's FileDescriptorName= takes 1 to 255 printable characters other than the colon.
    private func socket(_ name: String, _ range: SourceRange) -> ListenerPlan.Binding? {
        let isPlain = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != ASCII.colon }
        if isPlain, name.utf8.count <= 255 { return .socket(PlannedSocket(name: name, range: range)) }
        error(.badValue, range, "'\(name)' cannot name a socket", hint: "the FileDescriptorName= of a systemd socket")
        return nil
    }

    private func wildcards(_ port: UInt16, _ pair: YAMLNode.Pair) -> [PlannedEndpoint] {
        [IPAddress(v4: 0), IPAddress(high: 0, low: 0)].map {
            PlannedEndpoint(endpoint: Endpoint(address: $0, port: port), range: pair.value.range)
        }
    }

    private func bound(_ pair: YAMLNode.Pair) -> [PlannedEndpoint] {
        if pair.value.value == .sequence([]) {
            error(.missingKey, pair.value.range, "'bind' needs at least one address")
        }
        return list(pair).compactMap { item in
            guard let text = text(item, "bind") else { return nil }
            if let (host, port) = HostPort.split(text), let address = IPAddress(host),
                address.isV4 || text.hasPrefix("[")
            {
                return PlannedEndpoint(endpoint: Endpoint(address: address, port: port), range: item.range)
            }
            error(
                .badValue, item.range, "'\(text)' is not ADDRESS:PORT",
                hint: "such as \"127.0.0.1:2525\" or \"[::1]:2525\"")
            return nil
        }
    }

    /// The ports that decide what is left out; none for a systemd socket or a chosen port.
    func portsForDefaults(_ binding: ListenerPlan.Binding, _ section: Section) -> [UInt16] {
        switch binding {
        case .endpoints(let endpoints): endpoints.map(\.endpoint.port)
        case .socket, .intercepted: []
        }
    }

    /// No two listeners may want the same address and port; a wildcard wants every address of its family.
    func checkEndpoints(_ listeners: [ListenerPlan]) {
        var seen: [(endpoint: Endpoint, listener: String, range: SourceRange)] = []
        for listener in listeners {
            for planned in listener.endpoints where planned.endpoint.port != 0 {
                if let other = seen.first(where: { Self.overlap($0.endpoint, planned.endpoint) }) {
                    error(
                        .duplicateEndpoint, planned.range,
                        "listeners '\(other.listener)' and '\(listener.name)' both want \(planned.endpoint)",
                        hint: "first wanted in line \(other.range.line)")
                }
                seen.append((planned.endpoint, listener.name, planned.range))
            }
        }
        checkSockets(listeners)
    }

    private static func overlap(_ a: Endpoint, _ b: Endpoint) -> Bool {
        guard a.port == b.port, a.address.isV4 == b.address.isV4 else { return false }
        return a.address == b.address || isWildcard(a.address) || isWildcard(b.address)
    }

    private static func isWildcard(_ address: IPAddress) -> Bool {
        address == IPAddress(v4: 0) || address == IPAddress(high: 0, low: 0)
    }

    private func checkSockets(_ listeners: [ListenerPlan]) {
        var seen: Set<String> = []
        for listener in listeners {
            guard case .socket(let socket) = listener.binding, !seen.insert(socket.name).inserted else { continue }
            error(.duplicateEndpoint, socket.range, "two listeners want the socket '\(socket.name)'")
        }
    }
}
