import FirewallPlan
import Reactor

/// Why a policy's files could not be read again, in words that were made for people.
public struct PolicyReadingFault: Error, Sendable {
    public let findings: String

    public init(findings: String) {
        self.findings = findings
    }
}

// The files of the applied policy: read again on SIGHUP, when one of them changes and when a day begins, since entries of
// lists end with days. A file with an error leaves what is applied as it is.
extension HelperServer {
    /// Nanoseconds of quiet after a change: editors and scripts write in several steps.
    static let settleTime: UInt64 = 500_000_000
    private static let day: UInt64 = 86_400_000

    /// SIGHUP: rules and lists as the files say now.
    public func reload() {
        guard keeper.applied != nil else { return say("nothing is applied, so there is nothing to read again") }
        guard keeper.applied?.origin != nil else {
            return say("the applied policy names no file: 'portreeve firewall apply' gives it one")
        }
        read(isAsked: true)
    }

    /// Follows the files of what is applied now.
    func followFiles() {
        guard let files = keeper.applied?.origin?.files else { return }
        do throws(Errno) {
            if fileWatch == nil {
                fileWatch = try FileWatch(on: loop) { [unowned self] _ in arm(.reading, Self.settleTime) }
            }
            for file in files { try fileWatch?.watch(directoryOf: file) }
        } catch {
            say("lists are read again on SIGHUP only: \(error)")
        }
    }

    /// Reads once in each day (UTC), because an entry's `until` is the last day that it holds.
    func followDays() {
        let today = keeper.clock() / Self.day
        guard today != lastDay else { return }
        lastDay = today
        read(isAsked: false)
    }

    func read(isAsked: Bool) {
        guard let origin = keeper.applied?.origin else { return }
        let reading: PolicyReading
        do throws(PolicyReadingFault) {
            let deployment = try readPolicy(origin)
            reading = keeper.take(deployment, isAsked: isAsked)
        } catch {
            say(error.findings)
            reading = .refused("the files have errors")
        }
        tell(reading, isAsked)
        followFiles()
        followLog()
    }

    private func tell(_ reading: PolicyReading, _ isAsked: Bool) {
        let name = keeper.applied?.policy ?? ""
        let sentence: String
        switch reading {
        case .same:
            if isAsked { say("policy \(name) read again: nothing to change") }
            return
        case .taken(let operations):
            sentence = "policy \(name) read again: \(operations) operation\(operations == 1 ? "" : "s")"
        case .held:
            sentence = "policy \(name) changed in more than its lists: 'portreeve firewall apply', or SIGHUP, takes it"
        case .refused(let why):
            sentence = "policy \(name) not read again: \(why). What is applied stays."
        }
        keeper.note(reading, sentence)
        say(sentence)
    }
}
