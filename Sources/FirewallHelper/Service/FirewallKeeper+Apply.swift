public import FirewallPlan
import Reactor

// Applying, confirming, taking back, switching off.
extension FirewallKeeper {
    /// What was confirmed last, put back into the kernel; nil if nothing was.
    ///
    /// A change that waited for its confirmation when an earlier process ended is taken back by this.
    public func applyConfirmed() throws(FirewallFault) -> [Operation]? {
        let wasPending = state.read(.pending, as: HelperReply.self) != nil
        guard let confirmed = state.read(.plan, as: Deployment.self) else {
            if wasPending { _ = try withdraw() }
            settle()
            return nil
        }
        let operations = try install(confirmed)
        settle()
        return operations
    }

    /// Returns to what was there before the change that nobody confirmed.
    public func rollBack() -> HelperReply {
        guard let fallback else { return .refused(.init(.state, "nothing waits for a confirmation")) }
        do throws(FirewallFault) {
            let reply: HelperReply =
                if let fallback {
                    .applied(operations: UInt32(try install(fallback).count), confirmWithin: nil)
                } else {
                    try withdraw()
                }
            settle()
            return reply
        } catch {
            return .refused(error.refusal)
        }
    }

    /// Looks whether the kernel still holds what was applied, and puts it back if somebody changed it.
    ///
    /// Returns the operations that it took.
    public func repair(after culprit: Culprit?) throws(FirewallFault) -> [Operation] {
        guard let applied else { return [] }
        let operations = try install(applied)
        guard !operations.isEmpty else { return [] }
        repairs += 1
        lastCulprit = culprit?.description ?? "unknown"
        return operations
    }

    func apply(_ deployment: Deployment, confirmWithin seconds: UInt32?) throws(FirewallFault) -> HelperReply {
        // A second unconfirmed change still returns to the last confirmed state.
        let previous = fallback ?? .some(applied)
        if seconds != nil, let refusal = announce() { return refusal }
        let operations = try install(deployment)
        if let seconds {
            fallback = previous
            confirmDeadline = clock() + UInt64(seconds) * 1000
        } else {
            settle()
            if let refusal = keep(deployment) { return refusal }
        }
        return .applied(operations: UInt32(operations.count), confirmWithin: seconds)
    }

    func confirm(_ digest: String) -> HelperReply {
        guard fallback != nil, let applied else {
            return .refused(.init(.state, "nothing waits for a confirmation"))
        }
        guard applied.digest == digest else {
            return .refused(.init(.state, "what waits for a confirmation is \(applied.digest), not \(digest)"))
        }
        settle()
        return keep(applied) ?? .done
    }

    func off() throws(FirewallFault) -> HelperReply {
        settle()
        let reply = try withdraw()
        state.remove(.plan)
        return reply
    }

    /// Nothing waits for a confirmation any more.
    private func settle() {
        fallback = nil
        confirmDeadline = nil
        state.remove(.pending)
    }

    /// Notes that a change is about to wait, so that it is taken back even if this process ends.
    private func announce() -> HelperReply? {
        do throws(Errno) {
            try state.write(.pending, HelperReply.done)
            return nil
        } catch {
            return .refused(.init(.state, "nothing was changed: \(state.path) cannot be written: \(error)"))
        }
    }

    /// Writes the confirmed deployment down; a refusal says that it holds but will not survive a restart.
    func keep(_ deployment: Deployment) -> HelperReply? {
        do throws(Errno) {
            try state.write(.plan, deployment)
            return nil
        } catch {
            return .refused(
                .init(.state, "applied, but it will not survive a restart: \(state.path) cannot be written: \(error)"))
        }
    }

    /// The rule set and the routing of a deployment.
    func install(_ wanted: Deployment) throws(FirewallFault) -> [Operation] {
        let deployment = wanted.aged(to: clock() / 1000)
        // Routing first and away last: a packet that is marked must find its way.
        if let routing = deployment.interception?.routing { try routing.install() }
        let operations = try link.apply(deployment.ruleset)
        let former = applied?.interception?.routing
        if let former, former != deployment.interception?.routing { try former.remove() }
        applied = deployment
        if !operations.isEmpty { appliedAt = clock() / 1000 }
        try restoreHosts(after: operations)
        return operations
    }

    /// Removes the table and the routing rules; says so if there were none.
    private func withdraw() throws(FirewallFault) -> HelperReply {
        // Ours are known by their protocol number, so it does no harm to remove what may not be there.
        let routing = (applied?.interception ?? Interception(zones: [])).routing
        let had = try link.remove()
        try routing.remove()
        applied = nil
        return .applied(operations: had ? 1 : 0, confirmWithin: nil)
    }
}

extension Interception {
    var routing: PolicyRouting {
        PolicyRouting(
            mark: mark, mask: markMask, table: routingTable, guardPreference: guardPreference, preference: preference)
    }
}
