import CLinux
import Glibc

/// One thread's epoll loop: descriptors, timers, messages from other threads.
///
/// Edge-triggered, one `epoll_ctl` per descriptor. Everything here belongs to the thread that runs the loop,
/// only `handle` may be given to others. An event allocates nothing.
public final class EventLoop {
    /// Events fetched by one `epoll_wait`.
    static let batch = 256

    /// The start of this turn; read once after each wait.
    public private(set) var now: Instant

    /// The timers of this loop.
    public let timers: TimerWheel

    /// What other threads reach this loop by.
    public let handle: LoopHandle

    private let epoll: FileDescriptor
    private let events: UnsafeMutablePointer<epoll_event>
    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    private var readyList: [Registration] = []
    private var readyNow: [Registration] = []
    private var isStopping = false

    /// False once `stop` was called.
    public var isRunning: Bool { !isStopping }

    public init() throws(Errno) {
        let mailbox = try LoopMailbox<LoopHandle.Request>()
        epoll = FileDescriptor(owning: try retrying { reeve_epoll_create() })
        events = .allocate(capacity: Self.batch)
        now = .current()
        timers = TimerWheel(start: now)
        handle = LoopHandle(mailbox: mailbox)
        try mailbox.attach(to: self) { [unowned self] request in
            switch request {
            case .run(let work): work()
            case .stop: self.stop()
            }
        }
    }

    deinit {
        events.deallocate()
    }

    /// Descriptors that are registered now, the loop's own mailbox among them.
    public var registrations: Int { slots.count - freeSlots.count }
}

/// The descriptor table's row.
private struct Slot {
    var handler: (any EventHandler)?
    var generation: UInt32 = 0
    var tag: UInt32 = 0
    var fd: Int32 = -1
    /// On the ready list already.
    var isQueued = false
    /// Its events wait on the ready list until the others of their turn are served.
    var yields = false
}

// MARK: Registering

extension EventLoop {
    private static let interest = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue

    /// Watches `fd` in both directions from now until `deregister`; what it can do already arrives as a first event.
    ///
    /// The loop keeps `handler` alive as long as the registration stands, the caller keeps `fd` open.
    ///
    /// One that `yields` is served at the end of a turn, when all others have had theirs, and hears no readiness:
    /// who is being served goes before who arrives.
    public func register(
        _ fd: Int32, _ handler: any EventHandler, tag: UInt32 = 0, yields: Bool = false
    ) throws(Errno) -> Registration {
        let slot = freeSlots.popLast() ?? addSlot()
        let registration = Registration(slot: slot, generation: slots[Int(slot)].generation)
        var event = epoll_event(events: Self.interest, data: epoll_data_t(u64: registration.token))
        guard epoll_ctl(epoll.rawValue, EPOLL_CTL_ADD, fd, &event) == 0 else {
            let error = Errno.last
            freeSlots.append(slot)
            throw error
        }
        slots[Int(slot)].handler = handler
        slots[Int(slot)].tag = tag
        slots[Int(slot)].fd = fd
        slots[Int(slot)].yields = yields
        return registration
    }

    /// Ends a registration; an event already fetched for it is dropped.
    ///
    /// A second call does nothing.
    ///
    /// `closing` says that the caller closes the descriptor at once and nobody else holds a copy of it, so that the
    /// kernel forgets it by itself and a system call is saved.
    public func deregister(_ registration: Registration, closing: Bool = false) {
        guard isCurrent(registration) else { return }
        let slot = Int(registration.slot)
        if !closing {
            var unused = epoll_event()
            _ = epoll_ctl(epoll.rawValue, EPOLL_CTL_DEL, slots[slot].fd, &unused)
        }
        slots[slot].generation &+= 1
        slots[slot].handler = nil
        slots[slot].fd = -1
        slots[slot].isQueued = false
        freeSlots.append(registration.slot)
    }

    /// Asks for another call in the next turn: work stopped at its byte budget and no new edge will come.
    public func again(_ registration: Registration) {
        guard isCurrent(registration), !slots[Int(registration.slot)].isQueued else { return }
        slots[Int(registration.slot)].isQueued = true
        readyList.append(registration)
    }

    private func addSlot() -> UInt32 {
        slots.append(Slot())
        return UInt32(slots.count - 1)
    }

    private func isCurrent(_ registration: Registration) -> Bool {
        let slot = Int(registration.slot)
        return slot < slots.count && slots[slot].generation == registration.generation && slots[slot].handler != nil
    }
}

// MARK: Running

extension EventLoop {
    /// Turns until `stop`.
    public func run() {
        isStopping = false
        while !isStopping { turn() }
    }

    /// Lets `run` return after the current turn; from another thread use `handle.stop()`.
    public func stop() {
        isStopping = true
    }

    /// One turn: waits for events, at most until the next deadline or `longest` milliseconds, and serves them all.
    public func turn(atMost longest: Int32 = .max) {
        let count = epoll_wait(epoll.rawValue, events, Int32(Self.batch), timeout(atMost: longest))
        now = .current()
        for i in 0..<max(0, Int(count)) {
            let event = events[i]
            arrived(Registration(token: event.data.u64), Readiness(epoll: event.events))
        }
        timers.advance(to: now)
        serveReadyList()
    }

    @inline(__always)
    private func arrived(_ registration: Registration, _ readiness: Readiness) {
        let slot = Int(registration.slot)
        if slot < slots.count, slots[slot].yields {
            again(registration)
        } else {
            dispatch(registration, readiness)
        }
    }

    @inline(__always)
    private func dispatch(_ registration: Registration, _ readiness: Readiness) {
        let slot = Int(registration.slot)
        guard slot < slots.count, slots[slot].generation == registration.generation else { return }
        let tag = slots[slot].tag
        slots[slot].handler?.ready(readiness, tag: tag)
    }

    /// Serves what asked before this point; what asks again from here waits for the next turn.
    private func serveReadyList() {
        guard !readyList.isEmpty else { return }
        swap(&readyList, &readyNow)
        for i in 0..<readyNow.count {
            let registration = readyNow[i]
            guard isCurrent(registration), slots[Int(registration.slot)].isQueued else { continue }
            slots[Int(registration.slot)].isQueued = false
            dispatch(registration, [])
        }
        readyNow.removeAll(keepingCapacity: true)
    }

    /// Milliseconds for `epoll_wait`, rounded up so that a deadline is not polled for; -1 is for ever.
    private func timeout(atMost longest: Int32) -> Int32 {
        guard readyList.isEmpty else { return 0 }
        guard let deadline = timers.nextDeadline else { return longest == .max ? -1 : longest }
        // By the turn's own clock, which spares a look at the real one: late by a turn at most, as every timer may be.
        let wait = (deadline.since(now) &+ 999_999) / 1_000_000
        return min(longest, Int32(clamping: wait))
    }
}
