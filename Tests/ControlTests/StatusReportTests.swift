import Control
import Foundation
import Testing

/// 2026-11-21T19:38:25Z.
private let now = UTCTime(seconds: 1_795_289_905)

private func running() -> StatusReport {
    StatusReport(
        version: "0.1.0", pid: 4711, started: UTCTime(seconds: now.seconds - 11_520), now: now, workers: 2,
        configuration: ConfigurationStatus(
            path: "/etc/portreeve/portreeve.yaml", hash: "9f2c11ab", loaded: UTCTime(seconds: now.seconds - 11_520),
            lastReload: ReloadStatus(time: UTCTime(seconds: now.seconds - 60), ok: false, message: "2 errors")),
        listeners: [
            ListenerStatus(
                name: "mx", endpoints: ["0.0.0.0:25", "[::]:25"], policies: ["inbound"], activeSessions: 3,
                connections: 1204, refused: 17, messages: 800),
            ListenerStatus(name: "submission", endpoints: ["0.0.0.0:587"], policies: ["submission", "house"]),
        ],
        backends: [
            BackendStatus(
                name: "mx",
                servers: [
                    ServerStatus(address: "127.0.0.1:10025", state: .up, sessions: 3),
                    ServerStatus(address: "127.0.0.2:10025", state: .down, reason: "connection refused"),
                ]),
            BackendStatus(
                name: "submit",
                servers: [ServerStatus(address: "127.0.0.1:10587", state: .disproved, reason: "an open relay\u{1B}[2J")]
            ),
        ],
        certificates: [
            CertificateStatus(
                names: ["mail.example.org", "mx.example.org"], expires: UTCTime(seconds: now.seconds + 6_134_400)),
            CertificateStatus(names: ["old.example.org"], expires: UTCTime(seconds: now.seconds - 1)),
        ], messages: 810, logDrops: 0)
}

@Suite("Status")
struct StatusReportTests {
    @Test("For people it is aligned tables")
    func text() {
        #expect(
            running().text == """
                portreeve 0.1.0, pid 4711, 2 workers, up 3 h 12 min (since 2026-11-21 16:26:25 UTC)
                configuration /etc/portreeve/portreeve.yaml (9f2c11ab), loaded 2026-11-21 16:26:25 UTC
                last reload 2026-11-21 19:37:25 UTC: FAILED, the old configuration stays in use: 2 errors

                LISTENER    ADDRESS      POLICIES           SESSIONS  CONNECTIONS  REFUSED  MESSAGES
                mx          0.0.0.0:25   inbound                   3         1204       17       800
                            [::]:25
                submission  0.0.0.0:587  submission, house         0            0        0         0

                BACKEND  SERVER           STATE      SESSIONS  REASON
                mx       127.0.0.1:10025  up                3
                         127.0.0.2:10025  down              0  connection refused
                submit   127.0.0.1:10587  disproved         0  an open relay?[2J

                CERTIFICATE                       EXPIRES
                mail.example.org, mx.example.org  2027-01-31 19:38:25 UTC  in 71 days
                old.example.org                   2026-11-21 19:38:24 UTC  EXPIRED

                810 messages taken, 0 log records lost

                """)
    }

    @Test("Without certificates, backends or a reload their parts are left out")
    func bareText() {
        var report = running()
        (report.backends, report.certificates, report.listeners, report.messages) = ([], [], [], 1)
        (report.configuration.lastReload, report.isDraining, report.workers) = (nil, true, 1)
        report.started = now
        #expect(
            report.text == """
                portreeve 0.1.0, pid 4711, 1 worker, up 0 s (since 2026-11-21 19:38:25 UTC)
                configuration /etc/portreeve/portreeve.yaml (9f2c11ab), loaded 2026-11-21 16:26:25 UTC
                draining: no new sessions are taken

                1 message taken, 0 log records lost

                """)
    }

    @Test("For scripts it is one JSON object on one line")
    func json() {
        #expect(
            running().json == """
                {"version":"0.1.0","pid":4711,"started":"2026-11-21T16:26:25Z","now":"2026-11-21T19:38:25Z",\
                "uptime_seconds":11520,"workers":2,"draining":false,\
                "configuration":{"path":"/etc/portreeve/portreeve.yaml","hash":"9f2c11ab",\
                "loaded":"2026-11-21T16:26:25Z",\
                "last_reload":{"time":"2026-11-21T19:37:25Z","ok":false,"message":"2 errors"}},\
                "listeners":[{"name":"mx","endpoints":["0.0.0.0:25","[::]:25"],"policies":["inbound"],\
                "active_sessions":3,"connections":1204,"refused":17,"messages":800},\
                {"name":"submission","endpoints":["0.0.0.0:587"],"policies":["submission","house"],\
                "active_sessions":0,"connections":0,"refused":0,"messages":0}],\
                "backends":[{"name":"mx","servers":[{"address":"127.0.0.1:10025","state":"up","sessions":3},\
                {"address":"127.0.0.2:10025","state":"down","reason":"connection refused","sessions":0}]},\
                {"name":"submit","servers":[{"address":"127.0.0.1:10587","state":"disproved",\
                "reason":"an open relay\\u001b[2J","sessions":0}]}],\
                "certificates":[{"names":["mail.example.org","mx.example.org"],"expires":"2027-01-31T19:38:25Z"},\
                {"names":["old.example.org"],"expires":"2026-11-21T19:38:24Z"}],"messages":810,"log_drops":0}
                """)
    }

    @Test("A reply is one line that any JSON decoder reads back")
    func roundTrip() throws {
        let text = "line\n\"quoted\"\\ \u{1B}\u{2028}é"
        let replies = [
            ControlReply(ok: true, message: "running", status: running()),
            ControlReply(ok: false, message: text, findings: text), ControlReply(.unknown),
        ]
        for reply in replies {
            let line = reply.line
            #expect(line.last == 0x0A)
            #expect(line.count { $0 == 0x0A } == 1)
            #expect(try JSONDecoder().decode(ControlReply.self, from: Data(line)) == reply)
        }
    }

    @Test("A reply without findings and status has no such members")
    func bareReply() {
        #expect(ControlReply(ok: true, message: "reloaded").json == #"{"ok":true,"message":"reloaded"}"#)
    }

    @Test("Every state of a server keeps its name", arguments: ["up", "down", "unproven", "disproved"])
    func states(name: String) {
        #expect(ServerStatus.State(rawValue: name)?.rawValue == name)
    }
}

@Suite("Times")
struct UTCTimeTests {
    @Test(
        "A moment is written as RFC 3339 in UTC and read back",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_795_289_905, "2026-11-21T19:38:25Z"),
            (-1, "1969-12-31T23:59:59Z"), (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] as [(Int64, String)])
    func calendar(seconds: Int64, text: String) {
        #expect(UTCTime(seconds: seconds).description == text)
        #expect(UTCTime(text) == UTCTime(seconds: seconds))
    }

    @Test(
        "Anything else is no time",
        arguments: [
            "", "2026-11-21", "2026-11-21T19:38:25", "2026-11-21T19:38:25+01:00", "2026-02-30T00:00:00Z",
            "2026-11-21T24:00:00Z", "2026-13-01T00:00:00Z", "-026-11-21T19:38:25Z", "2026:11-21T19-38:25Z",
            "9999999999999999999Z",
        ])
    func rejected(text: String) {
        #expect(UTCTime(text) == nil)
    }
}
