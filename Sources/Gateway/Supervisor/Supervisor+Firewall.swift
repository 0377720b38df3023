import Configuration
import Reactor
import Throttle

// Bans reach the packet filter where `firewall:` names a helper.
extension Supervisor {
    /// Keeps one line to the helper that the plan names; a reload may name another, or none.
    func followFirewall() {
        let path = plan.firewall?.socket
        guard path != firewall?.path else { return }
        firewall?.stop()
        firewall = path.map { path in
            FirewallLink(
                path: path, loop: loop, standing: { [unowned self] in kernelBans() },
                say: { [unowned self] in complain($0) })
        }
        firewall?.start()
    }

    /// The bans that hold now, for a helper that has just been reached.
    private func kernelBans() -> [KernelBan] {
        let now = Instant.current().nanoseconds
        return compiler.peers.bans.all(now: now).compactMap { KernelBan($0, now: now) }
    }
}

extension KernelBan {
    /// nil for an account, and for a client that is known from a PROXY header: its packets have another sender.
    init?(_ entry: BanEntry, now: UInt64) {
        guard case .net(let net) = entry.subject, !entry.isProxied, entry.until > now else { return nil }
        self.init(net: net, seconds: (entry.until - now) / 1_000_000_000 + 1)
    }
}
