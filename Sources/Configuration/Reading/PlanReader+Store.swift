internal import Bytes
internal import Diagnostics
internal import PolicyLanguage

/// `state.store` and the keys that belong to a shared store.
extension PlanReader {
    func store(_ section: Section) -> StatePlan.Store {
        guard let pair = section["store"], let text = text(pair), text != "memory" else {
            refuseStoreKeys(section)
            return .memory
        }
        guard text.hasPrefix("redis:") || text.hasPrefix("rediss:") else {
            reportChoice(pair, text, ["memory", "redis://…", "rediss://…"])
            return .memory
        }
        guard let url = StoreURL(text), let first = server(of: url, at: pair.value.range) else {
            // The text itself may hold a password.
            error(.badValue, pair.value.range, "'store' is not a URL of a Redis server", hint: StoreURL.form)
            return .memory
        }
        let plan = RedisPlan(
            servers: [first] + further(section["servers"], than: first), database: url.database, user: url.user,
            password: password(url, section["password_file"]), tls: tls(url, section))
        checkDatabase(url, plan, pair)
        checkClarity(plan, pair)
        return .redis(plan)
    }

    /// Keys that mean something only with a shared store.
    private func refuseStoreKeys(_ section: Section) {
        for key in ["servers", "password_file", "tls_name", "ca"] {
            guard let pair = section[key] else { continue }
            error(.conflict, pair.keyRange, "'\(key)' needs 'store: redis://…'")
        }
    }

    private func server(of url: StoreURL, at range: SourceRange) -> ServerAddress? {
        if let address = IPAddress(url.host) {
            return ServerAddress(host: .address(address), port: url.port, range: range)
        }
        return DomainName.canonical(url.host).map { ServerAddress(host: .name($0), port: url.port, range: range) }
    }

    private func further(_ pair: YAMLNode.Pair?, than first: ServerAddress) -> [ServerAddress] {
        guard let pair else { return [] }
        var servers: [ServerAddress] = []
        for item in list(pair) {
            guard let server = server(item) else { continue }
            if servers.contains(server) || server == first {
                error(.duplicateName, server.range, "\(server) is given twice")
            }
            servers.append(server)
        }
        return servers
    }

    private func password(_ url: StoreURL, _ file: YAMLNode.Pair?) -> RedisPlan.Password? {
        guard let file else { return url.password.map { .given(Secret($0)) } }
        if url.password != nil {
            error(.conflict, file.keyRange, "'store' has a password already", hint: "take it out of the URL")
        }
        return readableFile(file).map(RedisPlan.Password.file)
    }

    private func tls(_ url: StoreURL, _ section: Section) -> RedisPlan.TLS? {
        if url.isTLS { return RedisPlan.TLS(name: domain(section["tls_name"]), ca: readableFile(section["ca"])) }
        for key in ["tls_name", "ca"] {
            guard let pair = section[key] else { continue }
            error(.conflict, pair.keyRange, "'\(key)' needs TLS to the store", hint: "write rediss://")
        }
        return nil
    }

    // MARK: Rules between keys

    /// Redis has 16 databases unless configured otherwise, a cluster only the first.
    private func checkDatabase(_ url: StoreURL, _ plan: RedisPlan, _ pair: YAMLNode.Pair) {
        if plan.database > 65_535 {
            error(.outOfRange, pair.value.range, "there is no database \(plan.database)", hint: "from 0 to 65535")
        }
    }

    /// What the store is told is who writes to whom how often, and what it says is obeyed.
    private func checkClarity(_ plan: RedisPlan, _ pair: YAMLNode.Pair) {
        guard plan.tls == nil, plan.password != nil else { return }
        for server in plan.servers where !server.isLoopback {
            warning(
                .cleartextStore, server.range, "the password of the store goes to \(server) without TLS",
                hint: "write rediss://")
        }
    }
}
