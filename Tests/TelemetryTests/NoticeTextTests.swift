import Bytes
import Foundation
import Policy
import Testing

@testable import Telemetry

@Suite("Notices")
struct NoticeTextTests {
    private func text(user: String? = "alice@example.org", banned: UInt64? = nil, held: UInt64? = nil) -> NoticeText {
        let client = IPAddress(v4: 0xCB00_7107)
        let notice = Notice(
            rule: RuleID(policy: "contain", rule: "stolen"), listener: "submission", client: client,
            net: AddressPrefix(client, bits: 32), user: user.map { Array($0.utf8) }, sid: "4ZbQ1x7kzq", banned: banned,
            held: held)
        return NoticeText(
            notice: notice, time: WallTime(nanoseconds: 1_795_291_105_123_000_000), hostname: "mail.example.org",
            suppressed: 2)
    }

    @Test("One sentence says who and what, and how long")
    func sentences() {
        let hour: UInt64 = 3600 * 1_000_000_000
        #expect(text(held: 6 * hour).sentence == "alice@example.org is held for 6 h")
        #expect(text(user: nil, banned: hour / 2).sentence == "203.0.113.7/32 is banned for 30 min")
        #expect(text().sentence == "alice@example.org met rule contain/stolen")
        #expect(text(user: nil).sentence == "203.0.113.7 met rule contain/stolen")
    }

    @Test("A webhook gets JSON with what to do about it")
    func json() throws {
        let object = try JSONSerialization.jsonObject(with: Data(text(held: 60_000_000_000).json))
        let members = try #require(object as? [String: Any])
        #expect(members["rule.name"] as? String == "contain/stolen")
        #expect(members["user.name"] as? String == "alice@example.org")
        #expect(members["release"] as? String == "portreeve bans remove alice@example.org")
        #expect(members["smtp.hold.seconds"] as? Int == 60 && members["suppressed"] as? Int == 2)
        #expect((members["text"] as? String)?.contains("alice@example.org is held for 60 s") == true)
    }

    @Test("A mailbox gets a message that nobody answers")
    func message() {
        let message = String(
            decoding: text(held: 60_000_000_000).message(to: ["a@example.org", "b@example.org"]), as: UTF8.self)
        let (head, body) = (message.components(separatedBy: "\r\n\r\n")[0], message)
        #expect(head.contains("To: a@example.org, b@example.org\r\n"))
        #expect(head.contains("Subject: [portreeve] alice@example.org is held for 60 s\r\n"))
        #expect(head.contains("Date: Sat, 21 Nov 2026 19:58:25 +0000\r\n"))
        #expect(head.contains("Auto-Submitted: auto-generated"))
        #expect(body.contains("    portreeve bans remove alice@example.org\r\n"))
        #expect(body.contains("2 more were not told"))
    }

    @Test("A login can end no line, open no header and be no control character")
    func hostile() {
        let text = text(user: "x\r\nBcc: all@example.org\r\n\r\n\u{1B}[31m\"\\", held: 60_000_000_000)
        let message = String(decoding: text.message(to: ["a@example.org"]), as: UTF8.self)
        #expect(!message.contains("\nBcc:") && !message.contains("\u{1B}"))
        let harmless = String(decoding: self.text(held: 60_000_000_000).message(to: ["a@example.org"]), as: UTF8.self)
        #expect(
            message.split(separator: "\r\n", omittingEmptySubsequences: false).count
                == harmless.split(separator: "\r\n", omittingEmptySubsequences: false).count)
        #expect((try? JSONSerialization.jsonObject(with: Data(text.json))) != nil)
    }
}
