import Bytes
import Configuration
import Enforcement
import FirewallPlan
import Reactor
import Throttle

// Bans reach the packet filter where `firewall:` names a helper; and where a zone of its policy is intercepted, the helper
// hands over the sockets for that.
extension Supervisor {
    /// Keeps one line to the helper that the plan names; a reload may name another, or none.
    func followFirewall() {
        let path = plan.firewall?.socket
        guard path != firewall?.path else { return }
        firewall?.stop()
        firewall = path.map { path in
            FirewallLink(
                path: path, loop: loop, standing: { [unowned self] in kernelBans() },
                say: { [unowned self] in complain($0) }, changed: { [unowned self] in helperChanged($0) })
        }
        firewall?.start()
    }

    private func helperChanged(_ isThere: Bool) {
        helper.isThere = isThere
        listening = [:]
        if isThere { askForListeners() }
    }

    // MARK: Interception

    /// Nanoseconds until listening sockets that the helper refused are asked for again: its policy may have changed.
    private static var listenerPause: UInt64 { 2_000_000_000 }

    /// Asks for the listening sockets that the plan needs and that no worker has from this helper.
    func askForListeners() {
        guard helper.isThere, !isEnding, let listener = plan.listeners.first(where: \.intercepts) else { return }
        for slot in wantedSlots {
            for worker in workers.indices { ask(listener.name, ListenerPlace(worker: worker, slot: slot)) }
        }
        arm(.listeners, after: Self.listenerPause)
    }

    private var wantedSlots: [InterceptionSlot] {
        let purposes = plan.firewall?.interceptedPurposes ?? []
        return InterceptionSlot.all.filter { purposes.contains(Interception.Purpose($0.intercepted)) }
    }

    private func ask(_ listener: String, _ place: ListenerPlace) {
        guard listening[place] == nil else { return }
        listening[place] = .asked
        let request = HelperRequest.listener(
            Interception.Purpose(place.slot.intercepted), place.slot.isV4 ? .ipv4 : .ipv6)
        firewall?.ask(request) { [unowned self] answer in
            switch answer {
            case .granted(let socket):
                listening[place] = .held
                workers[place.worker].post(.intercept(listener: listener, place.slot, socket: socket))
            case .refused(let reason, let message):
                listening[place] = nil
                if reason != .away { firewall?.complain("no socket for intercepted sessions: \(message)") }
            }
        }
    }

    /// A session's way on; the session's own deadline holds while the helper thinks.
    func askForSocket(_ ticket: OnwardTicket, _ client: IPAddress, _ destination: Endpoint) {
        let worker = workers[ticket.worker]
        guard let firewall else { return worker.post(.socketRefused(ticket, "there is no packet filter's helper")) }
        firewall.ask(.upstream(client: client, destination: destination)) { answer in
            switch answer {
            case .granted(let socket): worker.post(.socketGranted(ticket, socket: socket))
            case .refused(_, let message): worker.post(.socketRefused(ticket, message))
            }
        }
    }

    /// The bans that hold now, for a helper that has just been reached.
    private func kernelBans() -> [KernelBan] {
        let now = Instant.current().nanoseconds
        return compiler.peers.bans.all(now: now).compactMap { KernelBan($0, now: now) }
    }
}

/// A listening socket of the helper's that one worker serves.
struct ListenerPlace: Hashable {
    let worker: Int
    let slot: InterceptionSlot

    enum State { case asked, held }
}

extension Interception.Purpose {
    init(_ intercepted: Intercepted) {
        switch intercepted {
        case .relay: self = .relay
        case .explain: self = .explain
        }
    }
}

extension KernelBan {
    /// nil for an account, and for a client that is known from a PROXY header: its packets have another sender.
    init?(_ entry: BanEntry, now: UInt64) {
        guard case .net(let net) = entry.subject, !entry.isProxied, entry.until > now else { return nil }
        self.init(net: net, seconds: (entry.until - now) / 1_000_000_000 + 1)
    }
}
