import Bytes
import Control
import Enforcement
import Policy
import Reactor
import Telemetry
import Throttle

// `portreeve bans`: what holds, and what an operator adds or removes. Each change stands in the log.

extension Supervisor {
    private var bans: BanTable { compiler.peers.bans }
    private var now: UInt64 { Instant.current().nanoseconds }

    func listBans() -> ControlReply {
        let now = now
        let shown = bans.all(now: now).prefix(Self.mostShown).map { status($0, now) }
        return ControlReply(ok: true, message: "bans", bans: shown)
    }

    /// Bans and buckets that one answer holds.
    static var mostShown: Int { 10_000 }

    func addBan(_ text: String, _ seconds: UInt64, _ reason: String) -> ControlReply {
        let longest: UInt64 = 10 * 365 * 86_400
        guard 1...longest ~= seconds else { return ControlReply(ok: false, message: "a ban lasts 1 s to 10 years") }
        let found = subjects(text)
        guard let subject = found.first, found.count == 1 else {
            let names = found.map(\.description).joined(separator: " or ")
            return ControlReply(ok: false, message: names.isEmpty ? "'\(text)' is nobody" : "say which: \(names)")
        }
        let now = now
        let outcome = bans.ban(
            BanEntry(subject, since: now, until: now + seconds * 1_000_000_000, reason: reason, isManual: true))
        switch outcome {
        case .immune(let reason):
            return ControlReply(ok: false, message: "\(subject) is never banned: it is or holds \(reason)")
        case .unchanged(let entry):
            let left = (entry.until - now) / 1_000_000_000
            return ControlReply(ok: true, message: "\(subject) is banned for longer already: \(left) s")
        case .began, .prolonged:
            if case .net(let net) = subject { announce(net) }
            share(subject)
            return audited("banned \(subject) for \(seconds) s: \(reason)")
        }
    }

    func removeBan(_ text: String) -> ControlReply {
        let now = now
        let lifted = subjects(text).filter { bans.lift($0, now: now) }
        guard !lifted.isEmpty else { return ControlReply(ok: false, message: "'\(text)' is not banned") }
        for subject in lifted {
            endBan(subject)
            desk?.lift(subject)
        }
        return audited("lifted the ban of \(lifted.map(\.description).joined(separator: ", "))")
    }

    /// What follows from a ban that was lifted.
    func endBan(_ subject: BanSubject) {
        switch subject {
        case .net(let net):
            firewall?.lift(net)
            options.onBan?(.lifted(net))
        // A held account begins anew: what led to the hold would otherwise lead to the next one at once.
        case .user(let user): compiler.peers.accounts.reset(user)
        }
    }

    func audited(_ message: String) -> ControlReply {
        if let log { log.record(command: message, at: .now()) } else { complain("by command: \(message)") }
        return ControlReply(ok: true, message: message)
    }

    /// Tells whoever follows the bans of nets.
    func announce(_ net: AddressPrefix) {
        let now = now
        guard let entry = bans.entry(.net(net), now: now) else { return }
        if let ban = KernelBan(entry, now: now) { firewall?.hold(ban) }
        options.onBan?(.holds(net, seconds: (entry.until - now) / 1_000_000_000 + 1, isProxied: entry.isProxied))
    }

    /// Whom an operator means: a net, or a login, completed with each realm that is configured.
    private func subjects(_ text: String) -> [BanSubject] {
        if let net = AddressPrefix(text) { return [.net(net)] }
        guard !text.isEmpty, text.utf8.count <= 255 else { return [] }
        return logins(text).map { .user($0) }
    }

    /// The logins that `text` may be short for.
    func logins(_ text: String) -> [[UInt8]] {
        let realms = settings[0].map(\.context.backend.realm)
        var names: [[UInt8]] = []
        for realm in realms {
            let name = CanonicalName.login(Array(text.utf8), realm: realm)
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    private func status(_ entry: BanEntry, _ now: UInt64) -> BanStatus {
        let wall = WallTime.now().nanoseconds / 1_000_000_000
        let left = (entry.until - now) / 1_000_000_000
        let age = now > entry.since ? (now - entry.since) / 1_000_000_000 : 0
        let kind: BanStatus.Kind =
            switch entry.subject {
            case .net: .client
            case .user: .user
            }
        return BanStatus(
            kind: kind, subject: entry.subject.description, since: UTCTime(seconds: wall - Int64(clamping: age)),
            until: UTCTime(seconds: wall + Int64(clamping: left)), secondsLeft: left, reason: entry.reason,
            isManual: entry.isManual)
    }
}
