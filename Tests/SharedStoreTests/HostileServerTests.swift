import Bytes
import Testing
import Throttle

@testable import SharedStore

/// Whatever well-formed nonsense a server answers, it is believed or it is not; nothing traps.
@Suite struct HostileServerTests {
    /// A generator with a seed, so that what fails can be repeated.
    private struct Dice: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    private static let numbers: [Int64] = [0, 1, -1, 2, 16383, 16384, 65536, 999_999_999, 1_000_000_000, .max, .min]
    private static let texts = [
        "", "1", "-1", "ban 9223372036854775807 -9223372036854775808 11 x", "lift 5 5 00 ",
        "reset 99999999999999 0 00 ",
        "u", "n", "b", "uname", "n192.0.2.1/33", "n2001:db8::/32", "bportreeve:{%4}:0", "MOVED 16383 :1",
        "ASK 0 a:65535",
        "NOSCRIPT", "READONLY", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "master", "slave", "127.0.0.1", "?",
    ].map { Array($0.utf8) }

    private static func reply(_ dice: inout Dice, depth: Int = 0) -> StoreReply {
        switch UInt8.random(in: 0..<(depth < 3 ? 8 : 5), using: &dice) {
        case 0: .integer(numbers.randomElement(using: &dice) ?? 0)
        case 1: .bulk(texts.randomElement(using: &dice) ?? [])
        case 2: .error(texts.randomElement(using: &dice) ?? [])
        case 3: .status(texts.randomElement(using: &dice) ?? [])
        case 4: .null
        case _: .array((0..<Int.random(in: 0...9, using: &dice)).map { _ in reply(&dice, depth: depth + 1) })
        }
    }

    /// Of the shape that is expected, with numbers that are not.
    private static func shaped(_ dice: inout Dice) -> StoreReply {
        var values: [StoreReply] = (0..<4).map { _ in .integer(numbers.randomElement(using: &dice) ?? 0) }
        if Bool.random(using: &dice) { values[0] = .bulk(texts.randomElement(using: &dice) ?? []) }
        for _ in 0..<Int.random(in: 0...4, using: &dice) {
            values += [
                .bulk(texts.randomElement(using: &dice) ?? []), .integer(numbers.randomElement(using: &dice) ?? 0),
                .bulk(texts.randomElement(using: &dice) ?? []),
            ]
        }
        return .array(values)
    }

    @Test(arguments: 0..<20) func `no answer traps`(seed: UInt64) {
        var dice = Dice(state: seed &* 0x9E37_79B9_7F4A_7C15 &+ 1)
        let asked = StoreServer(host: "192.0.2.1", port: 1)
        let charges = [Sample.charge("a", Sample.rate(1, burst: 2)), Sample.charge("b", Sample.rate(1, burst: .max))]
        var feed = NewsFeed()
        var read = 0
        for round in 0..<2000 {
            let reply = round % 2 == 0 ? Self.reply(&dice) : Self.shaped(&dice)
            var run = QuestionRun(
                round % 3 == 0 ? .peek(charges) : .charge(charges), StoreTicket(session: 0, number: 0),
                bySlot: round % 5 == 0)
            if run.received(reply) != .unexpected { read += 1 }
            if feed.received(reply) != .unexpected { read += 1 }
            if SlotMap(reply, of: asked) != nil { read += 1 }
            if case .error(let error) = reply, Redirection(error, of: asked) != nil { read += 1 }
        }
        #expect(read > 0)
    }

    @Test(arguments: 0..<20) func `a connection ends every errand once, whatever the server says and when`(seed: UInt64)
    {
        var dice = Dice(state: seed &* 0xD134_2543_DE82_EF95 &+ 7)
        for _ in 0..<60 {
            var machine = LinkMachine(StoreIdentity(), patience: StorePatience(), now: 0)
            var output = OutputBuffer(pool: BufferPool())
            var (now, errand): (UInt64, UInt64) = (0, 0)
            var ends: [UInt64: Int] = [:]
            machine.connected(&output, now: 0)
            func note(_ outcome: LinkMachine.Outcome) {
                switch outcome {
                case .answered(let errand, _): ends[errand, default: 0] += 1
                case .late(let errands): for errand in errands { ends[errand, default: 0] += 1 }
                case .failed: for errand in machine.errands { ends[errand, default: 0] += 1 }
                case .nothing, .opened, .recovered, .answeredLate, .slots: break
                }
            }
            for _ in 0..<400 where machine.phase != .over {
                switch UInt8.random(in: 0..<10, using: &dice) {
                case 0:
                    now += UInt64.random(in: 0...30_000_000, using: &dice)
                    note(machine.timePassed(&output, now: now))
                case 1...4 where machine.refusal == nil:
                    errand += 1
                    machine.sends(errand, isAsking: Bool.random(using: &dice), &output, now: now)
                case 5: machine.loadScripts(&output, now: now)
                case _:
                    // Mostly what lets it live on.
                    let isFair = UInt8.random(in: 0..<30, using: &dice) > 0
                    note(machine.received(isFair ? .bulk([1]) : Self.reply(&dice), now: now))
                }
            }
            if machine.phase != .over { note(machine.failed(.disconnected, "the end")) }
            #expect(ends.values.allSatisfy { $0 == 1 })
            #expect(ends.count == Int(errand))
        }
    }
}
