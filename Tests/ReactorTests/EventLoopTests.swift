import Bytes
import Glibc
import Testing

@testable import Reactor

/// Writes down what it is told and can run something in the middle of it.
final class Recorder: EventHandler, TimerHandler {
    var events: [(readiness: Readiness, tag: UInt32)] = []
    var fired: [UInt32] = []
    var onReady: (Readiness, UInt32) -> Void = { _, _ in }
    var onTimer: (UInt32) -> Void = { _ in }

    func ready(_ readiness: Readiness, tag: UInt32) {
        events.append((readiness, tag))
        onReady(readiness, tag)
    }

    func timerFired(tag: UInt32) {
        fired.append(tag)
        onTimer(tag)
    }
}

/// Two connected sockets that close themselves.
final class Ends {
    let left: Int32
    let right: Int32
    private var isRightOpen = true

    init() throws {
        (left, right) = try Socket.pair()
    }

    func sendFromRight(_ text: String) {
        _ = Glibc.send(right, Array(text.utf8), text.utf8.count, Int32(MSG_NOSIGNAL))
    }

    func closeRight() {
        if isRightOpen { Glibc.close(right) }
        isRightOpen = false
    }

    deinit {
        closeRight()
        Glibc.close(left)
    }
}

@Suite("The event loop")
struct EventLoopTests {
    let loop: EventLoop

    init() throws {
        loop = try EventLoop()
    }

    @Test("A registration hears at once what the descriptor can do, then only edges")
    func edges() throws {
        let ends = try Ends()
        let recorder = Recorder()
        _ = try loop.register(ends.left, recorder, tag: 7)
        loop.turn(atMost: 0)
        #expect(recorder.events.map(\.readiness) == [.writable])
        loop.turn(atMost: 0)
        #expect(recorder.events.count == 1)
        ends.sendFromRight("x")
        loop.turn(atMost: 0)
        #expect(recorder.events.last?.readiness.contains(.readable) == true)
        #expect(recorder.events.last?.tag == 7)
        loop.turn(atMost: 0)
        #expect(recorder.events.count == 2, "unread bytes give no second edge")
    }

    @Test("A peer that closes is a hang-up")
    func hangup() throws {
        let ends = try Ends()
        let recorder = Recorder()
        _ = try loop.register(ends.left, recorder)
        ends.closeRight()
        loop.turn(atMost: 0)
        #expect(recorder.events.last?.readiness.contains(.hangup) == true)
    }

    @Test("An event fetched for a descriptor that was closed in the same turn never meets its successor in the slot")
    func staleEvent() throws {
        let (first, second) = (try Ends(), try Ends())
        let (killer, victim, heir) = (Recorder(), Recorder(), Recorder())
        var registrations: [Registration] = []
        let replacement = try Ends()
        // Whichever is served first ends the other and puts an heir into its slot.
        func takeOver(_ other: Int) {
            killer.onReady = { _, _ in }
            victim.onReady = { _, _ in }
            loop.deregister(registrations[other])
            registrations.append((try? loop.register(replacement.left, heir)) ?? registrations[other])
        }
        killer.onReady = { [unowned loop] _, _ in
            _ = loop; takeOver(1)
        }
        victim.onReady = { [unowned loop] _, _ in
            _ = loop; takeOver(0)
        }
        registrations.append(try loop.register(first.left, killer))
        registrations.append(try loop.register(second.left, victim))
        loop.turn(atMost: 0)
        #expect(killer.events.count + victim.events.count == 1)
        #expect(heir.events.isEmpty, "the heir's own event comes with the next turn")
        let lost = killer.events.isEmpty ? registrations[0] : registrations[1]
        #expect(registrations[2].slot == lost.slot)
        #expect(registrations[2].generation != lost.generation)
        loop.turn(atMost: 0)
        #expect(heir.events.map(\.readiness) == [.writable])
    }

    @Test("A registration that has ended can be ended again and asks for nothing")
    func deregisterTwice() throws {
        let ends = try Ends()
        let (recorder, other) = (Recorder(), Recorder())
        let old = try loop.register(ends.left, recorder)
        loop.deregister(old)
        let new = try loop.register(ends.left, other)
        loop.deregister(old)
        loop.again(old)
        loop.turn(atMost: 0)
        #expect(recorder.events.isEmpty)
        #expect(other.events.count == 1)
        loop.deregister(new)
    }

    @Test("A handler is let go with its registration")
    func releases() throws {
        let ends = try Ends()
        weak var gone: Recorder?
        let before = loop.registrations
        do {
            let recorder = Recorder()
            gone = recorder
            let registration = try loop.register(ends.left, recorder)
            #expect(loop.registrations == before + 1)
            loop.deregister(registration, closing: true)
        }
        #expect(gone == nil)
        #expect(loop.registrations == before)
    }

    @Test("again brings one call in the next turn, with no readiness, however often it was asked for")
    func again() throws {
        let ends = try Ends()
        let recorder = Recorder()
        let registration = try loop.register(ends.left, recorder)
        loop.turn(atMost: 0)
        recorder.onReady = { [unowned loop, unowned recorder] _, _ in
            if recorder.events.count < 4 { loop.again(registration) }
        }
        loop.again(registration)
        loop.again(registration)
        loop.turn()
        #expect(recorder.events.count == 2)
        loop.turn()
        #expect(recorder.events.count == 3)
        loop.turn()
        #expect(recorder.events.dropFirst().map(\.readiness) == [[], [], []])
    }

    @Test("What yields is served after all others of its turn, with no readiness")
    func yields() throws {
        let (first, second, last) = (try Ends(), try Ends(), try Ends())
        let (patient, other) = (Recorder(), Recorder())
        var order: [UInt32] = []
        for recorder in [patient, other] { recorder.onReady = { _, tag in order.append(tag) } }
        _ = try loop.register(first.left, patient, tag: 1, yields: true)
        _ = try loop.register(second.left, other, tag: 2)
        _ = try loop.register(last.left, other, tag: 3)
        loop.turn(atMost: 0)
        #expect(order == [2, 3, 1])
        #expect(patient.events.map(\.readiness) == [[]])
        order = []
        for ends in [first, second, last] { ends.sendFromRight("x") }
        loop.turn(atMost: 0)
        #expect(order == [2, 3, 1], "an event each, whichever came first")
    }

    @Test("What yields and asks again is served behind what has arrived meanwhile")
    func yieldsAgain() throws {
        let (door, session) = (try Ends(), try Ends())
        let (patient, other) = (Recorder(), Recorder())
        var order: [String] = []
        let registration = try loop.register(door.left, patient, yields: true)
        _ = try loop.register(session.left, other)
        loop.turn(atMost: 0)
        patient.onReady = { [unowned loop] _, _ in
            order.append("door")
            if order.count < 3 { loop.again(registration) }
        }
        other.onReady = { _, _ in order.append("session") }
        loop.again(registration)
        session.sendFromRight("x")
        loop.turn()
        session.sendFromRight("y")
        loop.turn()
        #expect(order == ["session", "door", "session", "door"])
    }

    @Test("An end of what yields comes before its turn, and its event is dropped")
    func yieldsNoMore() throws {
        let (door, session) = (try Ends(), try Ends())
        let (patient, other, heir) = (Recorder(), Recorder(), Recorder())
        let registration = try loop.register(door.left, patient, yields: true)
        _ = try loop.register(session.left, other)
        other.onReady = { [unowned loop] _, _ in
            loop.deregister(registration)
            _ = try? loop.register(door.left, heir)
        }
        loop.turn(atMost: 0)
        #expect(patient.events.isEmpty)
        #expect(heir.events.isEmpty, "the heir of the slot has an event of its own")
        loop.turn(atMost: 0)
        #expect(heir.events.map(\.readiness) == [.writable])
    }

    @Test("A bad descriptor is refused and leaves no row behind")
    func badDescriptor() {
        let before = loop.registrations
        #expect(throws: Errno.badDescriptor) { try loop.register(-1, Recorder()) }
        #expect(loop.registrations == before)
    }

    @Test("The loop sleeps until a deadline, fires it and ends when it is told to")
    func timerEndsLoop() {
        let recorder = Recorder()
        let timer = loop.timers.make(recorder, tag: 3)
        let start = loop.now
        recorder.onTimer = { [unowned loop] _ in loop.stop() }
        loop.timers.arm(timer, at: start + 20_000_000)
        loop.run()
        #expect(recorder.fired == [3])
        #expect(loop.now.since(start) >= 20_000_000, "never early")
    }
}
