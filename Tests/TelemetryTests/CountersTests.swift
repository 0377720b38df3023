import Bytes
import Policy
import Testing

@testable import Telemetry

@Suite("Counters")
struct CountersTests {
    @Test("Every report adds to the counter that stands for it")
    func reports() {
        let cases: [(SessionReport, [Counter])] = [
            (.connected, [.connections]), (.tlsEstablished(strongTLS), [.tlsHandshakes]),
            (.tlsFailed(reason: ""), [.tlsFailures]), (.refused(relayDenied()), [.refusals]),
            (.refused(relayDenied(mode: .monitor)), [.monitoredRefusals]),
            (.accepted(stage: .rcpt, rule: .defaultRule(of: "x"), policyHash: ""), [.acceptances]),
            (.backendRefused(relayDenied()), [.backendRefusals]),
            (.authenticationSucceeded(login(.ok, ReplyText(235, ""))), [.authenticationSuccesses]),
            (.authenticationFailed(login(.malformed, ReplyText(501, ""))), [.authenticationFailures]),
            (.messageTaken(sentMessage()), [.messages]),
            (.messageTaken(sentMessage(ReplyText(452, ""))), [.messagesRefused]),
            (.protocolViolation(kind: "", during: ""), [.protocolViolations]),
            (.backendFault(server: "", reason: ""), [.backendFaults]), (.lostConnection(after: ""), []),
            (.timedOut(after: ""), []), (.tooManyErrors(after: ""), []),
            (.disconnected(wholeSession), [.sessionsEnded]),
        ]
        for (report, expected) in cases {
            let counters = Counters()
            counters.count(report)
            let snapshot = counters.snapshot
            #expect(Counter.allCases.filter { snapshot[$0] == 1 } == expected)
            #expect(Counter.allCases.filter { snapshot[$0] != 0 } == expected)
        }
    }

    @Test("A session that never saw TLS is a plaintext session")
    func plaintext() {
        let counters = Counters()
        var summary = wholeSession
        summary.tls = nil
        counters.count(.disconnected(summary))
        #expect(counters.snapshot[.plaintextSessions] == 1)
    }

    @Test("Workers' counts are summed, and active sessions never go below zero")
    func sums() {
        let (one, two) = (Counters(), Counters())
        one.add(.connections, 3)
        two.add(.connections)
        two.add(.sessionsEnded, 2)
        let sum = one.snapshot + two.snapshot
        #expect(sum[.connections] == 4)
        #expect(sum.activeSessions == 2)
        #expect(two.snapshot.activeSessions == 0)
    }

    @Test("A reader on another thread sees counts that only grow")
    func concurrentReads() async {
        let counters = Counters()
        let sorted = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for _ in 0..<10_000 { counters.add(.replies) }
                return true
            }
            group.addTask {
                let seen = (0..<1000).map { _ in counters.snapshot[.replies] }
                return seen == seen.sorted()
            }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(sorted)
        #expect(counters.snapshot[.replies] == 10_000)
    }

    @Test("Counters have names of their own")
    func names() {
        #expect(Set(Counter.allCases.map(\.name)).count == Counter.allCases.count)
    }
}
