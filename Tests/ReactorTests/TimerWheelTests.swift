import Testing

@testable import Reactor

@Suite("The timer wheel, on a clock that the test moves")
struct TimerWheelTests {
    static let tick: UInt64 = 1 << TimerWheel.tickShift
    let wheel = TimerWheel(start: Instant(nanoseconds: 0))
    let recorder = Recorder()

    private func at(_ ticks: UInt64) -> Instant { Instant(nanoseconds: ticks * Self.tick) }

    @Test(
        "A timer fires at its tick and not before, on every level",
        arguments: [1, 63, 64, 65, 4095, 4096, 300_000, 20_000_000] as [UInt64])
    func fires(after ticks: UInt64) {
        let timer = wheel.make(recorder)
        wheel.arm(timer, at: at(ticks))
        wheel.advance(to: at(ticks - 1))
        #expect(recorder.fired.isEmpty)
        #expect(wheel.isArmed(timer))
        wheel.advance(to: at(ticks))
        #expect(recorder.fired == [0])
        #expect(!wheel.isArmed(timer))
    }

    @Test("A deadline inside a tick waits for the tick's end")
    func roundsUp() {
        let timer = wheel.make(recorder)
        wheel.arm(timer, at: Instant(nanoseconds: Self.tick + 1))
        wheel.advance(to: at(1))
        #expect(recorder.fired.isEmpty)
        wheel.advance(to: at(2))
        #expect(recorder.fired == [0])
    }

    @Test("Moving a deadline later or earlier is what counts")
    func rearm() {
        let (later, earlier) = (wheel.make(recorder, tag: 1), wheel.make(recorder, tag: 2))
        wheel.arm(later, at: at(10))
        wheel.arm(later, at: at(1000))
        wheel.arm(earlier, at: at(1000))
        wheel.arm(earlier, at: at(10))
        wheel.advance(to: at(10))
        #expect(recorder.fired == [2])
        wheel.advance(to: at(999))
        #expect(recorder.fired == [2])
        wheel.advance(to: at(1000))
        #expect(recorder.fired == [2, 1])
    }

    @Test("Cancelled and discarded timers are silent, also from within another's firing")
    func cancel() {
        let timers = (0..<4).map { wheel.make(recorder, tag: $0) }
        for timer in timers { wheel.arm(timer, at: at(5)) }
        wheel.cancel(timers[0])
        recorder.onTimer = { [wheel] tag in
            for other in timers[1...] where other != timers[Int(tag)] { wheel.discard(other) }
        }
        wheel.advance(to: at(6))
        #expect(recorder.fired.count == 1)
        #expect(!recorder.fired.contains(0))
        #expect(wheel.nextDeadline == nil)
    }

    @Test("A timer that arms itself while firing fires once per advance, even with a deadline in the past")
    func selfArming() {
        let timer = wheel.make(recorder)
        recorder.onTimer = { [wheel] _ in wheel.arm(timer, at: Instant(nanoseconds: 0)) }
        wheel.arm(timer, at: at(3))
        wheel.advance(to: at(3))
        #expect(recorder.fired.count == 1)
        wheel.advance(to: at(4))
        #expect(recorder.fired.count == 2)
    }

    @Test("The id of a discarded timer does not reach the next user of its place")
    func staleID() {
        let old = wheel.make(recorder, tag: 1)
        wheel.discard(old)
        let new = wheel.make(recorder, tag: 2)
        wheel.arm(new, at: at(2))
        wheel.cancel(old)
        wheel.arm(old, at: at(1))
        wheel.advance(to: at(2))
        #expect(recorder.fired == [2])
        #expect(wheel.count == 1)
    }

    @Test("A deadline at the end of time is bounded and does not trap")
    func endOfTime() {
        let timer = wheel.make(recorder)
        wheel.arm(timer, at: Instant(nanoseconds: .max))
        #expect(wheel.nextDeadline != nil)
        wheel.advance(to: at(TimerWheel.horizon))
        #expect(recorder.fired == [0])
    }

    @Test("A hundred thousand random timers fire exactly once each, in the order of their ticks, re-armed or not")
    func many() {
        var random = SplitMix(state: 42)
        var deadlines: [UInt64] = []
        let timers = (0..<100_000).map { wheel.make(recorder, tag: UInt32($0)) }
        for timer in timers {
            if random.next() % 2 == 0 { wheel.arm(timer, at: at(1 + random.next() % 50_000)) }
            deadlines.append(1 + random.next() % 50_000)
            wheel.arm(timer, at: at(deadlines[deadlines.count - 1]))
        }
        var now: UInt64 = 0
        while now < 50_000 {
            let from = now
            now = min(50_000, now + 1 + random.next() % 700)
            let before = recorder.fired.count
            wheel.advance(to: at(now))
            let due = recorder.fired[before...].map { deadlines[Int($0)] }
            #expect(due.allSatisfy { $0 > from && $0 <= now })
            #expect(due == due.sorted())
        }
        #expect(recorder.fired.count == 100_000)
        #expect(Set(recorder.fired).count == 100_000)
    }
}

/// A small seeded generator (SplitMix64).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
