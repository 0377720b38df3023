import FirewallPlan
import Reactor

/// What came of reading the applied policy's files again.
public enum PolicyReading: Equatable, Sendable {
    /// They say what is applied.
    case same
    /// The kernel holds what they say now; so many operations.
    case taken(operations: Int)
    /// More than lists changed, and nobody asked for that.
    case held
    /// Nothing was changed, in a sentence.
    case refused(String)
}

// The applied policy, read again: lists by themselves, rules on request.
extension FirewallKeeper {
    /// Makes the kernel hold what the files say now, by the difference: counters, timeouts and offenders stay.
    ///
    /// Without `isAsked` only elements of lists may differ: half a change of rules, saved by an editor, is nobody's word to
    /// change what packets meet. A change that waits for its confirmation is left alone.
    func take(_ deployment: Deployment, isAsked: Bool) -> PolicyReading {
        guard let applied else { return .refused("nothing is applied") }
        guard fallback == nil else { return .refused("a change waits for its confirmation") }
        guard isAsked || deployment.hasSameRules(as: applied) else { return .held }
        // A file that was written without a change is nothing to trouble the kernel with.
        guard isAsked || deployment.digest != applied.digest else { return .same }
        do throws(FirewallFault) {
            // Only what differs is sent, and an element whose time has not come is known by its keys and its comment.
            let operations = try install(deployment)
            guard deployment != applied else { return .same }
            if case .refused(let refusal)? = keep(deployment) { return .refused(refusal.message) }
            return operations.isEmpty ? .same : .taken(operations: operations.count)
        } catch {
            return .refused(error.description)
        }
    }

    /// Notes what came of a reading, for `status`.
    func note(_ reading: PolicyReading, _ sentence: String) {
        switch reading {
        case .same: return
        case .taken: lastReading = .init(time: clock() / 1000, isTaken: true, sentence: sentence)
        case .held, .refused: lastReading = .init(time: clock() / 1000, isTaken: false, sentence: sentence)
        }
    }
}

extension Deployment {
    /// Whether nothing but elements of lists differs, and who is never banned, which follows from them.
    fileprivate func hasSameRules(as other: Deployment) -> Bool { shape == other.shape }

    private var shape: Deployment {
        var shape = self
        for index in shape.ruleset.sets.indices { shape.ruleset.sets[index].elements = [] }
        shape.neverBanned = []
        (shape.madeAt, shape.origin) = (0, nil)
        return shape
    }
}
