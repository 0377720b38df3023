public import Policy
import Synchronization

/// Counts that one worker keeps of one listener: it alone adds, anybody may read.
///
/// An addition is a plain load and store; on its own cache lines, so that workers do not disturb each other.
public final class Counters: @unchecked Sendable {
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>

    public init() {
        let bytes = Counter.allCases.count * MemoryLayout<Atomic<UInt64>>.stride
        let memory = UnsafeMutableRawPointer.allocate(byteCount: (bytes + 127) & ~127, alignment: 128)
        cells = memory.bindMemory(to: Atomic<UInt64>.self, capacity: Counter.allCases.count)
        for counter in Counter.allCases { (cells + counter.rawValue).initialize(to: Atomic(0)) }
    }

    deinit {
        UnsafeMutableRawPointer(cells).deallocate()
    }

    /// Only on the thread of the worker that owns this.
    public func add(_ counter: Counter, _ count: UInt64 = 1) {
        let value = cells[counter.rawValue].load(ordering: .relaxed)
        cells[counter.rawValue].store(value &+ count, ordering: .relaxed)
    }

    public var snapshot: CounterSnapshot {
        var snapshot = CounterSnapshot()
        for counter in Counter.allCases { snapshot[counter] = cells[counter.rawValue].load(ordering: .relaxed) }
        return snapshot
    }
}

extension Counters {
    /// Adds what a report stands for; only on the thread of the worker that owns this.
    ///
    /// Replies and refused connections are no reports: their owners add them.
    public func count(_ report: SessionReport) {
        switch report {
        case .connected: add(.connections)
        case .tlsEstablished: add(.tlsHandshakes)
        case .tlsFailed: add(.tlsFailures)
        case .refused(let refusal): add(refusal.mode == .enforce ? .refusals : .monitoredRefusals)
        case .accepted: add(.acceptances)
        case .backendRefused: add(.backendRefusals)
        case .authenticationSucceeded: add(.authenticationSuccesses)
        case .authenticationFailed: add(.authenticationFailures)
        case .messageTaken(let message): add(message.reply.code / 100 == 2 ? .messages : .messagesRefused)
        case .protocolViolation: add(.protocolViolations)
        case .backendFault: add(.backendFaults)
        case .storeUnanswered: add(.storeUnanswered)
        case .lostConnection, .timedOut, .tooManyErrors, .banned, .loginCountingSuspended, .offersHidden, .tlsPassedOn:
            break
        case .disconnected(let summary):
            add(.sessionsEnded)
            if summary.tls == nil { add(.plaintextSessions) }
        }
    }
}
