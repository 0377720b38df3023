import Bytes
import FirewallPlan
import Reactor

/// Makes the sockets that need CAP_NET_ADMIN, for a gateway that has no capability: only for zones of the plan.
struct TransparentSockets {
    /// On loopback, so that nobody reaches it but through the packet filter.
    func listener(
        _ purpose: Interception.Purpose, _ family: Family, of plan: Interception?
    ) throws(HelperRefusal) -> FileDescriptor {
        guard let plan, plan.zones.contains(where: { $0.purpose == purpose }) else {
            throw HelperRefusal(.outsidePolicy, "no zone of the policy in force is intercepted for this")
        }
        let loopback = family == .ipv4 ? IPAddress(v4: 0x7F00_0001) : IPAddress(high: 0, low: 1)
        var options = ListenerOptions()
        options.transparent = true
        options.reusePort = true
        // Answers to clients are told by it from those of a mail server on this machine, and not tracked.
        options.mark = plan.upstreamMark
        do throws(Errno) {
            return try Listener(on: Endpoint(address: loopback, port: plan.port(purpose)), options).takeDescriptor()
        } catch {
            throw HelperRefusal(error.code == 1 ? .notPermitted : .kernel, "a transparent listener: \(error)")
        }
    }

    /// For a client of a zone that is relayed, towards port 25 of another machine.
    func upstream(
        _ client: IPAddress, _ destination: Endpoint, of plan: Interception?
    ) throws(HelperRefusal) -> FileDescriptor {
        guard let plan else { throw HelperRefusal(.outsidePolicy, "no zone of the policy in force is intercepted") }
        guard destination.port == 25, client.isV4 == destination.address.isV4 else {
            throw HelperRefusal(.outsidePolicy, "\(destination) is not port 25 of the client's address family")
        }
        do throws(FirewallFault) {
            // A connection to ourselves would be intercepted again, and again.
            guard try RouteLookup.route(to: destination.address).isLocal == false else {
                throw .refused(operation: "connect to \(destination)", reason: .invalid, detail: "a local address")
            }
            let way = try RouteLookup.route(to: client)
            guard let name = way.interface,
                let zone = plan.zones.first(where: { zone in
                    zone.purpose == .relay && zone.interfaces.contains { $0.matches(name) }
                })
            else {
                throw .refused(
                    operation: "speak for \(client)", reason: .invalid, detail: "no client of a relayed zone")
            }
            return try make(plan.upstreamMark, client, zone.upstream)
        } catch {
            throw HelperRefusal(.outsidePolicy, error.description)
        }
    }

    private func make(
        _ mark: UInt32, _ client: IPAddress, _ upstream: Interception.Upstream
    ) throws(FirewallFault) -> FileDescriptor {
        do throws(Errno) {
            return try Socket.marked(mark, family: client.isV4, from: upstream == .client ? client : nil)
                .takeDescriptor()
        } catch {
            throw .socket(error)
        }
    }
}
