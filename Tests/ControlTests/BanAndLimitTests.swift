import Control
import Foundation
import Testing

@Suite("Bans and limits, shown")
struct BanAndLimitTests {
    private let bans = [
        BanStatus(
            kind: .client, subject: "203.0.113.7", since: UTCTime(seconds: 0), until: UTCTime(seconds: 1800),
            secondsLeft: 1790, reason: "submission/login-bruteforce", isManual: false),
        BanStatus(
            kind: .user, subject: "al\u{1B}ice", since: UTCTime(seconds: 0), until: UTCTime(seconds: 86_400),
            secondsLeft: 86_400, reason: "odd\nmail", isManual: true),
    ]
    private let limits = LimitsReport(
        limits: [LimitStatus(name: "p/rcpts", rate: "200/h", burst: 100, key: "auth.user", keys: 3, exceeded: 1)],
        buckets: [BucketStatus(limit: "p/rcpts", key: "bob", remaining: 0, retryAfter: 18, emptyAfter: 1800)])

    @Test("A table of bans, in which no text moves the cursor or ends a line")
    func banTable() {
        #expect(
            BanStatus.text(bans)
                == """
                KIND    SUBJECT      ENDS IN      UNTIL                    REASON
                client  203.0.113.7  29 min 50 s  1970-01-01 00:30:00 UTC  submission/login-bruteforce
                user    al?ice       1 day        1970-01-02 00:00:00 UTC  by command: odd?mail

                """)
        #expect(BanStatus.text([]) == "nobody is banned\n")
    }

    @Test("Limits and the fullest of their keys")
    func limitTables() {
        #expect(
            limits.text == """
                LIMIT    RATE   BURST  KEY        KEYS  EXCEEDED
                p/rcpts  200/h    100  auth.user     3         1

                LIMIT    KEY  REMAINING  NEXT IN  EMPTY IN
                p/rcpts  bob          0  18 s     30 min

                """)
        #expect(LimitsReport().text == "no policy in use has a limit\n")
    }

    @Test("The answers read themselves back")
    func roundTrip() throws {
        let reply = ControlReply(ok: true, message: "x", bans: bans, limits: limits)
        #expect(try JSONDecoder().decode(ControlReply.self, from: Data(reply.line)) == reply)
        let list = try JSONDecoder().decode([BanStatus].self, from: Data(BanStatus.json(bans).utf8))
        #expect(list == bans)
    }
}
