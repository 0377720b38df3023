import ArgumentParser
import Bytes
import FirewallPlan

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "What is applied, who keeps it, what was counted.")

    @OptionGroup var helper: HelperOptions

    @Flag(help: "JSON for scripts.")
    var json = false

    func run() throws {
        guard case .status(let status) = try helper.ask(.status) else { throw HelperOptions.unexpected }
        let counters: [CounterValue]
        switch try helper.answer(.counters) {
        case .counters(let values): counters = values
        case .refused(let refusal) where refusal.code == .state: counters = []
        case .refused(let refusal): throw HelperOptions.failed(refusal.message)
        default: throw HelperOptions.unexpected
        }
        if json { JSONText.print(Report(status, counters)) } else { Output.print(Self.text(status, counters)) }
        if status.ownership == .none { throw ExitStatus.failure }
    }

    private static func text(_ status: HelperStatus, _ counters: [CounterValue]) -> String {
        guard status.ownership != .none else { return "No firewall is applied." }
        var lines = ["\(status.policy) is applied (config \(status.digest))"]
        if status.appliedAt > 0 { lines[0] += " since \(JSONText.time(status.appliedAt))" }
        if let seconds = status.confirmWithin { lines.append("NOT CONFIRMED: taken back in \(seconds) s") }
        switch status.ownership {
        case .none: break
        case .owned: lines.append("owned: the kernel lets no other program change it")
        case .watched: lines.append("watched: a foreign change is repaired while the helper runs")
        }
        if status.repairs > 0 { lines.append("repaired \(status.repairs) times, last after \(status.lastCulprit)") }
        if let reading = status.lastReading { lines.append("\(JSONText.time(reading.time)): \(reading.sentence)") }
        if status.lostRecords > 0 { lines.append("\(status.lostRecords) log records were lost") }
        if !status.missingFeatures.isEmpty {
            lines.append("the kernel lacks: \(status.missingFeatures.joined(separator: ", "))")
        }
        var packets = Columns("counter", "packets", "bytes")
        for counter in counters { packets.add(counter.name, "\(counter.packets)", "\(counter.bytes)") }
        var sets = Columns("set", "elements")
        for set in status.setSizes where set.packets > 0 { sets.add(set.name, "\(set.packets)") }
        return (lines + ["", packets.text, "", sets.text]).joined(separator: "\n")
    }

    private struct Reading: Encodable {
        let time: String
        let taken: Bool
        let message: String
    }

    private struct Report: Encodable {
        let applied: Bool
        let policy: String
        let digest: String
        let appliedAt: String?
        let confirmWithin: UInt32?
        let ownership: String
        let repairs: UInt64
        let lastCulprit: String
        let lostRecords: UInt64
        let missingFeatures: [String]
        let lastReading: Reading?
        let counters: [String: UInt64]
        let elements: [String: UInt64]

        init(_ status: HelperStatus, _ counters: [CounterValue]) {
            applied = status.ownership != .none
            policy = status.policy
            digest = status.digest
            appliedAt = status.appliedAt > 0 ? JSONText.time(status.appliedAt) : nil
            confirmWithin = status.confirmWithin
            ownership = "\(status.ownership)"
            repairs = status.repairs
            lastCulprit = status.lastCulprit
            lostRecords = status.lostRecords
            missingFeatures = status.missingFeatures
            lastReading = status.lastReading.map {
                Reading(time: JSONText.time($0.time), taken: $0.isTaken, message: $0.sentence)
            }
            self.counters = Dictionary(counters.map { ($0.name, $0.packets) }) { first, _ in first }
            elements = Dictionary(status.setSizes.map { ($0.name, $0.packets) }) { first, _ in first }
        }
    }
}

struct WhoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "who", abstract: "Hosts that were refused, or would have been: since when, how often, where to.")

    @OptionGroup var helper: HelperOptions

    @Option(help: "Only those of the last 30min, 2h, 7d, …")
    var since: FirewallDuration?

    @Flag(help: "JSON for scripts.")
    var json = false

    func run() throws {
        let start = since.map { PolicyOptions.now - min($0.seconds, PolicyOptions.now) } ?? 0
        guard case .offenders(let offenders) = try helper.ask(.offenders(since: start)) else {
            throw HelperOptions.unexpected
        }
        let sorted = offenders.sorted { $0.attempts > $1.attempts }
        if json { return JSONText.print(sorted.map(Report.init)) }
        if sorted.isEmpty { return Output.print("Nobody.") }
        var table = Columns("host", "zone", "what", "attempts", "destinations", "last", "interface", "mac")
        for host in sorted {
            table.add(
                Self.shown(host), host.zone, host.action.word, "\(host.attempts)", "\(host.destinations)",
                host.last > 0 ? JSONText.time(host.last) : "", host.interface, host.macAddress)
        }
        Output.print(table.text)
    }

    private static func shown(_ host: Offender) -> String {
        host.host.address.isV4 ? "\(host.host.address)" : "\(host.host)"
    }

    private struct Report: Encodable {
        let host, zone, action, mac, interface: String
        let attempts: UInt64
        let destinations: UInt32
        let first, last: String?
        let topDestinations: [String]

        init(_ offender: Offender) {
            host = WhoCommand.shown(offender)
            zone = offender.zone
            action = offender.action.word
            mac = offender.macAddress
            interface = offender.interface
            attempts = offender.attempts
            destinations = offender.destinations
            first = offender.first > 0 ? JSONText.time(offender.first) : nil
            last = offender.last > 0 ? JSONText.time(offender.last) : nil
            topDestinations = offender.topDestinations.map(\.description)
        }
    }
}
