import Bytes
import Testing

@testable import Throttle

@Suite("Who is connected")
struct ConnectionLedgerTests {
    private let second: UInt64 = 1_000_000_000

    private func net(_ number: UInt32) -> AddressPrefix {
        AddressPrefix(IPAddress(v4: number), bits: 32)
    }

    private func limits(sessions: Int = 100, perClient: Int = 100, count: UInt64 = 1000) -> ConnectionLedger.Limits {
        .init(
            sessions: sessions, sessionsPerClient: perClient,
            rate: RateLimit(count: count, period: second, burst: count))
    }

    @Test("Beyond the sessions of all nobody is admitted until one leaves")
    func sessions() {
        var ledger = ConnectionLedger()
        let limits = limits(sessions: 2)
        #expect(ledger.admit(net(1), limits, now: 1) == nil)
        #expect(ledger.admit(net(2), limits, now: 1) == nil)
        #expect(ledger.admit(net(3), limits, now: 1) == .sessions)
        ledger.leave(net(1))
        #expect(ledger.total == 1)
        #expect(ledger.admit(net(3), limits, now: 1) == nil)
    }

    @Test("A client's own sessions are counted apart from those of others")
    func sessionsPerClient() {
        var ledger = ConnectionLedger()
        let limits = limits(perClient: 1)
        #expect(ledger.admit(net(1), limits, now: 1) == nil)
        #expect(ledger.admit(net(1), limits, now: 1) == .sessionsPerClient)
        #expect(ledger.admit(net(2), limits, now: 1) == nil)
        ledger.leave(net(1))
        #expect(ledger.admit(net(1), limits, now: 1) == nil)
    }

    @Test("The rate of a client outlives its sessions, and a refused connection is charged nothing")
    func rate() {
        var ledger = ConnectionLedger()
        let limits = limits(count: 2)
        for _ in 1...2 {
            #expect(ledger.admit(net(1), limits, now: second) == nil)
            ledger.leave(net(1))
        }
        for _ in 1...5 { #expect(ledger.admit(net(1), limits, now: second) == .rate) }
        #expect(ledger.total == 0)
        #expect(ledger.admit(net(1), limits, now: second + second / 2) == nil)
    }

    @Test("A client that was not admitted cannot leave")
    func strangers() {
        var ledger = ConnectionLedger()
        ledger.leave(net(1))
        #expect(ledger.admit(net(2), limits(), now: 1) == nil)
        ledger.leave(net(2))
        ledger.leave(net(2))
        #expect(ledger.total == 0)
        #expect(ledger.clients == 1)
    }

    @Test("However many clients come, few are remembered, and those with sessions are among them")
    func bound() {
        var ledger = ConnectionLedger()
        let limits = limits(perClient: 1)
        #expect(ledger.admit(net(0), limits, now: 1) == nil)
        for number in 1...UInt32(3 * ConnectionLedger.rememberedClients) {
            #expect(ledger.admit(net(number), limits, now: 1) == nil)
            ledger.leave(net(number))
        }
        #expect(ledger.clients <= ConnectionLedger.rememberedClients + 2)
        #expect(ledger.admit(net(0), limits, now: 1) == .sessionsPerClient)
    }

    @Test("Clients that were quiet for their whole burst are forgotten first")
    func quiet() {
        var ledger = ConnectionLedger()
        let limits = limits(count: 1)
        for number in 1...UInt32(ConnectionLedger.rememberedClients - 1) {
            #expect(ledger.admit(net(number), limits, now: 1) == nil)
            ledger.leave(net(number))
        }
        let later = 10 * second
        #expect(ledger.admit(net(0), limits, now: later) == nil)
        ledger.leave(net(0))
        #expect(ledger.admit(net(1 << 20), limits, now: later) == nil)
        #expect(ledger.clients == 2)
        #expect(ledger.admit(net(0), limits, now: later) == .rate)
    }
}
