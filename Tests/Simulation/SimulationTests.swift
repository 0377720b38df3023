import Foundation
import Testing

@Suite struct SimulationTests {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    /// `SIMULATION_SEED` runs that session only; `SIMULATION_SESSIONS` is how many, from seed 1 on.
    @Test func `random sessions keep every promise on both wires`() {
        let only = Self.number("SIMULATION_SEED")
        let first = only ?? 1
        let count = only == nil ? Self.number("SIMULATION_SESSIONS") ?? 3000 : 1
        var failures = 0
        var seen = Oracle.Seen()
        for seed in first..<(first + count) {
            let simulation = Simulation(seed: seed)
            let violation = simulation.run()
            seen.add(simulation.oracle.seen)
            guard let violation else { continue }
            Issue.record("\(violation)\nSIMULATION_SEED=\(seed) swift test --filter SimulationTests")
            failures += 1
            if failures == 5 { return }
        }
        guard count >= 1000 else { return }
        let least = Int(count) / 100
        #expect(seen.messages > 10 * least, "\(seen)")
        #expect(seen.chunkedMessages > least, "\(seen)")
        #expect(seen.recipients > 20 * least, "\(seen)")
        #expect(seen.logins > 10 * least, "\(seen)")
        #expect(seen.handshakes > 10 * least, "\(seen)")
        #expect(seen.faultReplies > 10 * least, "\(seen)")
        #expect(seen.refusals > 10 * least, "\(seen)")
        #expect(seen.questions > 10 * least, "\(seen)")
        #expect(seen.refunds > least, "\(seen)")
        if let report = ProcessInfo.processInfo.environment["SIMULATION_REPORT"] { print(report, seen) }
    }

    @Test func `the same seed is the same session`() {
        for seed in 1..<(20 as UInt64) {
            let one = Simulation(seed: seed)
            let two = Simulation(seed: seed)
            #expect(one.run() == two.run())
            #expect(one.steps == two.steps)
            #expect(one.now == two.now)
        }
    }
}
