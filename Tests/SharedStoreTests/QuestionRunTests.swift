import Bytes
import Testing
import Throttle

@testable import SharedStore

@Suite struct QuestionRunTests {
    private static let rate = RateLimit(count: 1, period: Sample.second, burst: 3)
    private static let ticket = StoreTicket(session: 1, number: 1)

    private static func run(_ keys: String..., cost: UInt64 = 1, bySlot: Bool) -> Kept<QuestionRun> {
        Kept(QuestionRun(.charge(keys.map { Sample.charge($0, rate, cost: cost) }), ticket, bySlot: bySlot))
    }

    private static func reply(_ passed: Int64, owed: Int64...) -> StoreReply {
        .array([.integer(passed), .integer(1000), .integer(5)] + owed.flatMap { [.integer($0), .integer(0)] })
    }

    @Test func `one server gets one part, a Cluster one for each slot in the rule's order`() {
        #expect(Array(Self.run("a", "b", "a", bySlot: false).value.parts) == [[0, 1, 2]])
        #expect(Array(Self.run("a", "b", "a", bySlot: true).value.parts) == [[0, 2], [1]])
    }

    @Test func `receipts say when the bucket would have been empty, and what is owed now`() {
        let run = Self.run("a", "b", bySlot: false)
        let step = run.value.received(Self.reply(1, owed: 0, 2))
        guard case .answer(.charged(let receipts)) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(receipts.map(\.since) == [1_000_000_000_005, 1_002_000_000_005])
        #expect(receipts.map(\.owed) == [Sample.second, 3 * Sample.second])
    }

    @Test func `a refusal says what each bucket lacks`() {
        let run = Self.run("a", "b", cost: 2, bySlot: false)
        #expect(run.value.received(Self.reply(0, owed: 1, 3)) == .answer(.exceeded(waits: [0, 2 * Sample.second])))
        let never = Self.run("a", cost: 4, bySlot: false)
        #expect(never.value.received(Self.reply(0, owed: 0)) == .answer(.exceeded(waits: [.max])))
    }

    @Test func `what earlier slots were charged is known when a later one refuses`() {
        let run = Self.run("a", "b", "c", bySlot: true)
        #expect(run.value.received(Self.reply(1, owed: 0)) == .next)
        #expect(run.value.received(Self.reply(1, owed: 1)) == .next)
        #expect(run.value.received(Self.reply(0, owed: 3)) == .answer(.exceeded(waits: [0, 0, Sample.second])))
        #expect(run.value.charged.map { String(decoding: $0.charge.name.key, as: UTF8.self) } == ["a", "b"])
    }

    @Test func `a part can be split once`() {
        let run = Self.run("a", "a", "b", bySlot: true)
        let first = run.value.split()
        #expect(first)
        #expect(Array(run.value.parts) == [[0], [1], [2]])
        let second = run.value.split()
        #expect(!second)
    }

    @Test func `a peek charges nothing`() {
        let run = Kept(QuestionRun(.peek([Sample.charge("a", Self.rate)]), Self.ticket, bySlot: true))
        #expect(run.value.received(Self.reply(1, owed: 2)) == .answer(.owed([2 * Sample.second])))
        #expect(run.value.charged.isEmpty)
    }

    @Test func `a reply that is none is not believed`() {
        let bad: [StoreReply] = [
            .null, .integer(1), .array([]), Self.reply(1), Self.reply(1, owed: 1, 2), Self.reply(1, owed: -1),
            .array([.integer(1), .integer(1), .integer(1_000_000_000), .integer(0), .integer(0)]),
            .array([.bulk([49]), .integer(1), .integer(1), .integer(0), .integer(0)]),
        ]
        for reply in bad {
            let run = Self.run("a", bySlot: false)
            #expect(run.value.received(reply) == .unexpected, "\(reply)")
            #expect(run.value.charged.isEmpty)
        }
        let huge = Self.run("a", bySlot: false)
        guard case .answer(.charged(let receipts)) = huge.value.received(Self.reply(1, owed: .max)) else {
            Issue.record("a long time is a time")
            return
        }
        #expect(receipts[0].owed == .max)
    }
}
