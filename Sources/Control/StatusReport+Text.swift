// `portreeve status` for people: what runs, then one table per kind of thing.
extension StatusReport {
    /// Lines that each end with LF; tables without rows are left out.
    public var text: String {
        [head, listenerTable.text, backendTable.text, certificateTable.text, foot].filter { !$0.isEmpty }
            .joined(separator: "\n")
    }

    private var head: String {
        let threads = workers == 1 ? "1 worker" : "\(workers) workers"
        var lines = [
            "portreeve \(version), pid \(pid), \(threads), up \(Self.span(uptime)) (since \(started.readable))",
            "configuration \(configuration.path) (\(configuration.hash)), loaded \(configuration.loaded.readable)",
        ]
        if let reload = configuration.lastReload {
            let result = reload.ok ? "done" : "FAILED, the old configuration stays in use"
            lines.append("last reload \(reload.time.readable): \(result): \(reload.message)")
        }
        if let store { lines.append(line(store)) }
        if isDraining { lines.append("draining: no new sessions are taken") }
        return lines.map { TextTable.printable($0) + "\n" }.joined()
    }

    private func line(_ store: StoreStatus) -> String {
        let state =
            switch store.state {
            case .up: "up"
            case .lost: "LOST (\(store.reason ?? "no reason known")), limits go by their on_store_loss,"
            }
        let past =
            store.losses == 0 ? "" : "; lost \(store.losses) times, \(store.unanswered) questions without an answer"
        return "shared store \(store.name): \(state) since \(store.since.readable)\(past)"
    }

    private var listenerTable: TextTable {
        var table = TextTable([
            .left("LISTENER"), .left("ADDRESS"), .left("POLICIES"), .right("SESSIONS"), .right("CONNECTIONS"),
            .right("REFUSED"), .right("MESSAGES"),
        ])
        for listener in listeners {
            table.add([
                listener.name, listener.endpoints.first ?? "-", listener.policies.joined(separator: ", "),
                "\(listener.activeSessions)", "\(listener.connections)", "\(listener.refused)", "\(listener.messages)",
            ])
            for endpoint in listener.endpoints.dropFirst() { table.add(["", endpoint]) }
        }
        return table
    }

    private var backendTable: TextTable {
        var table = TextTable([.left("BACKEND"), .left("SERVER"), .left("STATE"), .right("SESSIONS"), .left("REASON")])
        for backend in backends {
            for (index, server) in backend.servers.enumerated() {
                let name = index == 0 ? backend.name : ""
                table.add([name, server.address, server.state.rawValue, "\(server.sessions)", server.reason ?? ""])
            }
        }
        return table
    }

    private var certificateTable: TextTable {
        var table = TextTable([.left("CERTIFICATE"), .left("EXPIRES"), .left("")])
        for certificate in certificates {
            let left = certificate.expires.seconds - now.seconds
            let remark = left <= 0 ? "EXPIRED" : "in \(Self.span(left))"
            table.add([certificate.names.joined(separator: ", "), certificate.expires.readable, remark])
        }
        return table
    }

    private var foot: String {
        let taken = messages == 1 ? "1 message taken" : "\(messages) messages taken"
        return "\(taken), \(logDrops == 1 ? "1 log record" : "\(logDrops) log records") lost\n"
    }

    /// Two units at most: `3 days 4 h`, `12 min 5 s`.
    static func span(_ seconds: Int64) -> String {
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60)
        if days > 0 { return "\(days) \(days == 1 ? "day" : "days")" + (hours > 0 ? " \(hours) h" : "") }
        if hours > 0 { return "\(hours) h" + (minutes > 0 ? " \(minutes) min" : "") }
        if minutes > 0 { return "\(minutes) min" + (seconds % 60 > 0 ? " \(seconds % 60) s" : "") }
        return "\(seconds) s"
    }
}
