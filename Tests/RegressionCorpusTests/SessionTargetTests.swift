import Foundation
import Testing

@testable import FuzzTargets

/// The session fuzzer gets where bugs may be, and sees what is wrong on the backend's wire.
@Suite struct SessionTargetTests {
    private static let seeds = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fuzz/Corpus/session")

    @Test(arguments: [
        ("message", 1), ("bytewise", 1), ("pipelined", 1), ("xclient", 2), ("proxy-v1", 2), ("proxy-v2", 2),
        ("starttls", 1), ("backend-starttls", 1), ("backend-implicit", 1), ("chunks", 1), ("chunks-as-data", 1),
        ("binary", 1), ("bare-normalize", 1), ("bare-policy", 1), ("submission-plain", 1), ("submission-login", 1),
        ("silent-backend", 1), ("reload", 1), ("bare-reject", 0), ("chunks-bare", 0), ("no-client", 0),
        ("intercepted", 1), ("intercepted-explained", 0), ("intercepted-tls", 0),
    ])
    func `a seed's messages reach the backend, or don't`(name: String, messages: Int) throws {
        let input = Array(try Data(contentsOf: Self.seeds.appendingPathComponent(name)))
        let session = try SessionTarget.played(input)
        #expect(session.messages == messages)
        #expect(session.logins == (name.hasPrefix("submission") ? 1 : 0))
    }

    private func complaint(_ spoken: String...) -> Bool {
        var wire = BackendWire(expectsProxyHeader: false)
        do throws(Complaint) {
            for part in spoken {
                if part.first == "<" {
                    wire.said(octets(String(part.dropFirst())))
                } else {
                    _ = try wire.heard(octets(part))
                }
            }
            return false
        } catch {
            return true
        }
    }

    @Test func `a clean backend wire is taken`() {
        #expect(
            !complaint(
                "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b>\r\nDATA\r\n", "<354 go\r\n", "BDAT 9\r\n..\r\n.\r\nQUIT\r\n"))
        #expect(!complaint("MAIL FROM:<>\r\nBDAT 3\r\nab\rBDAT 1 LAST\r\n\n"))
        #expect(!complaint("MAIL FROM:<> BODY=BINARYMIME\r\nBDAT 3 LAST\r\n\n\0\r"))
        #expect(!complaint("AUTH LOGIN\r\n", "<334 x\r\n", "DATA\r\n", "<235 x\r\n", "QUIT\r\n"))
    }

    @Test func `whatever must not be on the backend's wire is seen`() {
        #expect(complaint("EHLO c\nQUIT\r\n"))
        #expect(complaint("EHLO c\rQUIT\r\n"))
        #expect(complaint("EHLO \u{1}\r\n"))
        #expect(complaint("GET / HTTP/1.0\r\n"))
        #expect(complaint("DATA\r\nSubject: x\r\n"))
        #expect(complaint("DATA\r\n", "<354 go\r\n", "x\n.\r\n"))
        #expect(complaint("DATA\r\n", "<354 go\r\n", "x\0\r\n"))
        #expect(complaint("DATA\r\n", "<550 no\r\n", "Subject: x\r\n"))
        #expect(complaint("BDAT 3 LAST\r\nab\r"))
        #expect(complaint("BDAT 3\r\nab\rBDAT 1\r\nx"))
        #expect(complaint("BDAT 1\r\n\n"))
    }
}
