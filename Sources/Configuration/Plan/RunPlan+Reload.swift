internal import Bytes

/// What a running process can take over without a restart.
extension RunPlan {
    /// The keys whose change from `old` needs a restart, sorted; empty if a reload can take this plan over.
    ///
    /// `mayBindPrivileged` tells whether the process may still bind ports below 1024 that it does not hold.
    public func keysNeedingRestart(since old: RunPlan, mayBindPrivileged: Bool) -> [String] {
        var keys: [String] = []
        if admin != old.admin { keys.append("admin") }
        if state != old.state { keys.append("state") }
        if user != old.user { keys.append("user") }
        if workers != old.workers { keys.append("workers") }
        return mayBindPrivileged ? keys : keys + privilegedPorts(since: old)
    }

    /// `listeners.NAME` of each that wants a port below 1024 that `old` did not bind.
    private func privilegedPorts(since old: RunPlan) -> [String] {
        let held = Set(old.listeners.flatMap(\.endpoints).map(\.endpoint))
        let names = listeners.filter { listener in
            listener.endpoints.contains { 1..<1024 ~= $0.endpoint.port && !held.contains($0.endpoint) }
        }
        return names.map { "listeners.\($0.name)" }.sorted()
    }
}
