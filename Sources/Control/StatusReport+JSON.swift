// The JSON of `portreeve status --json`, with the names that `Codable` reads.
extension StatusReport {
    /// One object on one line.
    public var json: String {
        var json = JSONObject()
        json.put("version", version)
        json.put("pid", pid)
        json.put("started", started.description)
        json.put("now", now.description)
        json.put("uptime_seconds", uptime)
        json.put("workers", workers)
        json.put("draining", isDraining)
        json.put("configuration", raw: configuration.json)
        json.put("listeners", rawArray: listeners.map(\.json))
        json.put("backends", rawArray: backends.map(\.json))
        json.put("certificates", rawArray: certificates.map(\.json))
        json.put("store", raw: store?.json)
        json.put("messages", messages)
        json.put("log_drops", logDrops)
        return json.text
    }
}

extension ConfigurationStatus {
    fileprivate var json: String {
        var json = JSONObject()
        json.put("path", path)
        json.put("hash", hash)
        json.put("loaded", loaded.description)
        json.put("last_reload", raw: lastReload?.json)
        return json.text
    }
}

extension ReloadStatus {
    fileprivate var json: String {
        var json = JSONObject()
        json.put("time", time.description)
        json.put("ok", ok)
        json.put("message", message)
        return json.text
    }
}

extension ListenerStatus {
    fileprivate var json: String {
        var json = JSONObject()
        json.put("name", name)
        json.put("endpoints", endpoints)
        json.put("policies", policies)
        json.put("active_sessions", activeSessions)
        json.put("connections", connections)
        json.put("refused", refused)
        json.put("messages", messages)
        return json.text
    }
}

extension BackendStatus {
    fileprivate var json: String {
        var json = JSONObject()
        json.put("name", name)
        json.put("servers", rawArray: servers.map(\.json))
        return json.text
    }
}

extension ServerStatus {
    fileprivate var json: String {
        var json = JSONObject()
        json.put("address", address)
        json.put("state", state.rawValue)
        json.put("reason", reason)
        json.put("sessions", sessions)
        return json.text
    }
}

extension StoreStatus {
    fileprivate var json: String {
        var json = JSONObject()
        json.put("name", name)
        json.put("state", state.rawValue)
        json.put("since", since.description)
        json.put("reason", reason)
        json.put("losses", losses)
        json.put("unanswered", unanswered)
        return json.text
    }
}

extension CertificateStatus {
    fileprivate var json: String {
        var json = JSONObject()
        json.put("names", names)
        json.put("expires", expires.description)
        return json.text
    }
}
