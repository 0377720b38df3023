import Control
import Telemetry
import Throttle

/// Whether the shared store can be asked: every worker has connections of its own, and so has the supervisor.
///
/// It is up while all of them are, and each change is told once.
struct StoreWatch {
    /// The supervisor's own, among the numbers of the workers.
    static let desk = -1

    /// The servers, without what belongs to nobody else.
    let name: String
    private var awaited: Set<Int>
    private var troubles: [Int: String] = [:]
    private var wasToldOfTrouble = false
    private var since = WallTime.now()
    private var losses: UInt64 = 0

    init(name: String, workers: Int) {
        self.name = name
        awaited = Set(0..<workers).union([Self.desk])
    }

    var isUp: Bool { awaited.isEmpty && troubles.isEmpty }

    /// The line to log, if this changes anything.
    mutating func changed(_ connection: Int, _ standing: StoreStanding) -> String? {
        let wasUp = isUp
        switch standing {
        case .up:
            awaited.remove(connection)
            troubles[connection] = nil
        case .lost(let reason, let detail):
            troubles[connection] = detail.isEmpty ? reason.rawValue : detail
        }
        if isUp, !wasUp { return returned() }
        if wasUp, !isUp { return lost() }
        return nil
    }

    /// The line to log if it could not be reached by now.
    mutating func missed() -> String? {
        isUp || wasToldOfTrouble ? nil : lost()
    }

    private mutating func lost() -> String {
        since = .now()
        losses += 1
        wasToldOfTrouble = true
        return "shared store \(name) is lost: \(reason). Limits go by their on_store_loss."
    }

    private mutating func returned() -> String {
        let away = (WallTime.now().nanoseconds - since.nanoseconds) / 1_000_000_000
        since = .now()
        defer { wasToldOfTrouble = false }
        return wasToldOfTrouble ? "shared store \(name) is back after \(away) s" : "shared store \(name) is connected"
    }

    private var reason: String {
        troubles.min { $0.key < $1.key }?.value ?? "not connected yet"
    }

    /// `unanswered` is what the workers have counted.
    func status(unanswered: UInt64) -> StoreStatus {
        StoreStatus(
            name: name, state: isUp ? .up : .lost, since: UTCTime(since), reason: isUp ? nil : reason, losses: losses,
            unanswered: unanswered)
    }
}
