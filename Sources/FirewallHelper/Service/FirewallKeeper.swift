import Bytes
public import FirewallPlan
import Glibc
import Reactor

/// Answers requests with the kernel: applies, confirms, takes back, counts, allows and denies.
///
/// The daemon has one for its life; a command without a daemon has one for its request. What was confirmed lies in the
/// state directory and is what counts after a restart, so an unconfirmed change cannot outlive its maker by accident.
public final class FirewallKeeper {
    let link: NetfilterLink
    let state: StateDirectory
    /// Milliseconds since 1970.
    let clock: () -> UInt64

    /// What the kernel holds, as far as we put it there.
    public internal(set) var applied: Deployment? {
        didSet { hostBits = applied?.ruleset.hostBitsByZone ?? [:] }
    }
    /// How many bits tell the IPv6 hosts of each zone apart.
    private var hostBits: [String: Int] = [:]
    /// What to return to when nobody confirms; nil inside for nothing at all.
    var fallback: Deployment??
    /// When an unconfirmed change is taken back, milliseconds since 1970.
    public internal(set) var confirmDeadline: UInt64?
    var appliedAt: UInt64 = 0
    var book = OffenderBook()

    /// Told by the watch.
    public internal(set) var repairs: UInt64 = 0
    var lastCulprit = ""
    var lastReading: HelperStatus.Reading?
    /// Told by the log's reader.
    var lostRecords: UInt64 = 0
    private lazy var missing: [String] = {
        guard let present = try? link.features() else { return [] }
        return KernelFeature.allCases.filter { !present.contains($0) }.map(\.rawValue)
    }()

    /// Opens the line to the kernel; changes nothing.
    public init(
        stateDirectory: String = HelperPaths.state, clock: @escaping () -> UInt64 = FirewallKeeper.wallClock
    ) throws(FirewallFault) {
        link = try NetfilterLink()
        state = StateDirectory(path: stateDirectory)
        self.clock = clock
        _ = try link.generation()
        if try link.readHeader() != nil { takeUp(state.read(.plan)) }
        if case .offenders(let known)? = state.read(.offenders, as: HelperReply.self) { book.restore(known) }
    }

    /// Not in `init`, where an assignment is not observed.
    private func takeUp(_ deployment: Deployment?) {
        applied = deployment
    }

    /// Milliseconds since 1970.
    public static func wallClock() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return UInt64(now.tv_sec) * 1000 + UInt64(now.tv_nsec) / 1_000_000
    }

    /// The answer to a request that needs nothing but the kernel; sockets and records are the daemon's.
    public func answer(_ request: HelperRequest) -> HelperReply {
        do throws(FirewallFault) {
            switch request {
            case .status: return .status(try status())
            case .check(let deployment):
                return .applied(operations: UInt32(try link.rehearse(deployment.ruleset).count), confirmWithin: nil)
            case .apply(let deployment, let seconds): return try apply(deployment, confirmWithin: seconds)
            case .confirm(let digest): return confirm(digest)
            case .off: return try off()
            case .counters: return .counters(try counters())
            case .offenders(let since): return .offenders(try offenders(since: since))
            case .hosts(let set): return .hosts(try hosts(in: set))
            case .observe:
                guard let table = try link.readTable() else { return Self.nothingApplied }
                return .ruleset(table.ruleset)
            case .allow(let host, let seconds, let reason):
                return try enter(host, .allowed, seconds.map { UInt64($0) * 1000 }, reason)
            case .deny(let host, let seconds, let reason):
                return try enter(host, .denied, seconds.map { UInt64($0) * 1000 }, reason)
            case .ban(let host, let milliseconds, let reason): return try ban(host, milliseconds, reason)
            case .forget(let set, let host): return try forget(host, set)
            case .listener, .upstream, .attempts:
                return .refused(.init(.state, "only the running helper (portreeve-firewall serve) can do this"))
            }
        } catch {
            return .refused(error.refusal)
        }
    }

    static let nothingApplied = HelperReply.refused(.init(.state, "no firewall is applied"))
}

// MARK: Status

extension FirewallKeeper {
    private func status() throws(FirewallFault) -> HelperStatus {
        let table = try link.readHeader()
        let isOwned = table.map { $0.flags & persistFlag != 0 } ?? false
        let deployment = table == nil ? nil : applied
        var sizes: [CounterValue] = []
        for set in deployment?.ruleset.sets ?? [] {
            // What the plan fills is as large as the plan says; a long list is not read for its length.
            let count = set.contents == .planned ? set.elements.count : try link.readElements(of: set).count
            sizes.append(CounterValue(name: set.name, packets: UInt64(count), bytes: 0))
        }
        let left = confirmDeadline.map { UInt32(clamping: ($0 - min($0, clock())) / 1000) }
        return HelperStatus(
            policy: deployment?.policy ?? "", digest: deployment?.digest ?? "", confirmWithin: left,
            ownership: table == nil ? .none : isOwned ? .owned : .watched, appliedAt: appliedAt, repairs: repairs,
            lastCulprit: lastCulprit, lostRecords: lostRecords, setSizes: sizes, missingFeatures: missing,
            lastReading: lastReading)
    }

    func counters() throws(FirewallFault) -> [CounterValue] {
        try link.readCounters().map { CounterValue(name: $0.name, packets: $0.packets, bytes: $0.bytes) }
    }

    func offenders(since: UInt64) throws(FirewallFault) -> [Offender] {
        var counted: [AddressPrefix: (attempts: UInt64, last: UInt64)] = [:]
        for family in Family.allCases {
            guard let set = applied?.ruleset.set("seen" + family.suffix) else { continue }
            for element in try link.readElements(of: set) {
                guard let host = offender(element.key) else { continue }
                // Every try renews the element, so what is left of its time tells when the last one was.
                let whole = element.timeout ?? set.timeout ?? 0
                let age = element.expiration.map { whole - min($0, whole) } ?? 0
                counted[host] = (element.count?.packets ?? 0, (clock() - age) / 1000)
            }
        }
        return book.report(since: since, counted: counted)
    }

    func note(_ attempt: Attempt) {
        book.note(attempt, bits: hostBits[attempt.zone] ?? 64)
    }

    /// The host that a key of `seen` means: an address, or as many bits as its zone counts by.
    ///
    /// The key does not say which zone that was. Where the log does not know either and zones differ, the longest that
    /// fits is taken: it accuses no neighbour.
    private func offender(_ key: [UInt8]) -> AddressPrefix? {
        guard let host = AddressPrefix(key: key), !host.address.isV4 else { return AddressPrefix(key: key) }
        let choices = Set(hostBits.values).sorted(by: >).map { AddressPrefix(host.address, bits: $0) }
        return choices.first { book.entries[$0] != nil } ?? choices.first { $0.address == host.address } ?? host
    }

    /// Writes down who tried, for the next process.
    public func saveOffenders() {
        guard let offenders = try? offenders(since: 0), !offenders.isEmpty else { return }
        try? state.write(.offenders, HelperReply.offenders(offenders))
    }
}

extension FirewallFault {
    /// The same for the asking side.
    public var refusal: HelperReply.Refusal {
        let code: HelperReply.Refusal.Code =
            switch self {
            case .notPermitted: .notPermitted
            case .noNFTables: .unsupported
            case .changedMeanwhile, .ownedByAnother: .state
            case .refused, .tooLarge, .silent, .repliesLost, .socket: .kernel
            }
        return HelperReply.Refusal(code, description)
    }
}
