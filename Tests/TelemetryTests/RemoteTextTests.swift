import Bytes
import Policy
import Testing

@testable import Telemetry

@Suite("Text that a peer chose")
struct RemoteTextTests {
    private func shown(_ bytes: [UInt8], _ place: RemoteText.Place) -> String {
        var line = LogLine(.info)
        RemoteText.append(bytes, as: place, to: &line)
        return String(decoding: line.bytes, as: UTF8.self)
    }

    private func shown(_ text: String, _ place: RemoteText.Place) -> String {
        shown(Array(text.utf8), place)
    }

    @Test("Ordinary addresses and names stay as they are")
    func ordinary() {
        for text in ["bob+tag@example.org", "jörg@bücher.example", "[192.0.2.1]", "o'hara!x%y@z", "日本@例え.テスト"] {
            #expect(shown(text, .field) == text)
        }
        #expect(shown("mail-1.example.net", .name) == "mail-1.example.net")
    }

    @Test("No control, no line end, no invisible or turning character passes in any place")
    func controls() {
        #expect(shown("a\r\nb\0\u{1B}[31m\u{7F}", .text) == #"a\x0D\x0Ab\x00\x1B[31m\x7F"#)
        #expect(
            shown("\u{85}\u{2028}\u{202E}\u{200B}\u{FEFF}", .text)
                == #"\xC2\x85\xE2\x80\xA8\xE2\x80\xAE\xE2\x80\x8B\xEF\xBB\xBF"#)
    }

    @Test(
        "What is not UTF-8 is shown octet by octet",
        arguments: [
            ([0xFF], #"\xFF"#), ([0xC3], #"\xC3"#), ([0xC0, 0xAF], #"\xC0\xAF"#),
            ([0xED, 0xA0, 0x80], #"\xED\xA0\x80"#),
            ([0xF4, 0x90, 0x80, 0x80], #"\xF4\x90\x80\x80"#), ([0xE2, 0x82, 0x41], #"\xE2\x82A"#),
            ([0xC3, 0xA9], "é"), ([0xF0, 0x9F, 0x98, 0x80], "😀"),
        ] as [([UInt8], String)])
    func invalid(bytes: [UInt8], text: String) {
        #expect(shown(bytes, .text) == text)
    }

    @Test("A backslash is doubled, so that nobody can write an escape of ours")
    func backslash() {
        #expect(shown(#"a\x0Ab"#, .field) == #"a\\x0Ab"#)
    }

    @Test("A field's value cannot leave its field")
    func fields() {
        #expect(shown("x> to=<victim@y", .field) == #"x\x3E\x20to=\x3Cvictim@y"#)
        #expect(shown("carol, queued_as=1;", .field) == #"carol\x2C\x20queued_as=1\x3B"#)
        #expect(shown("a[192.0.2.1]: x", .name) == #"a\x5B192.0.2.1\x5D\x3A\x20x"#)
    }

    @Test("Running text keeps its words but forges no field and no event")
    func runningText() {
        let listed =
            "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example; https://zen.example/?ip=192.0.2.1"
        #expect(shown(listed, .text) == listed)
        #expect(shown("no; from=<victim@y> rule=x/y", .text) == #"no; from\x3D<victim@y> rule\x3Dx/y"#)
        #expect(shown(";from=<victim@y>", .text) == #";from\x3D<victim@y>"#)
        #expect(shown("x reject: RCPT from y: 550", .text) == #"x reject\x3A RCPT from y: 550"#)
    }

    @Test("A string is cut at 256 octets, never inside a character")
    func bound() {
        #expect(shown(String(repeating: "a", count: 256), .field) == String(repeating: "a", count: 256))
        #expect(shown(String(repeating: "a", count: 257), .field) == String(repeating: "a", count: 256) + "...")
        let cut = shown(String(repeating: "a", count: 255) + "é", .field)
        #expect(cut == String(repeating: "a", count: 255) + "...")
        #expect(shown([UInt8](repeating: 0, count: 1_000_000), .field).utf8.count == 256 * 4 + 3)
    }

    @Test("A hostile session writes exactly one line, with one of each field")
    func wholeLine() {
        let attack =
            "x\r\nNov  1 00:00:00 h postfix/smtpd[1]: warning: unknown[192.0.2.9]: SASL LOGIN authentication failed: x> rule=a sid=b"
        var refusal = relayDenied(sender: attack)
        refusal.recipient = Array(attack.utf8)
        var identity = session(helo: attack, name: attack)
        identity.protocolName = "ESMTP"
        let line = postfix(.refused(refusal), identity)
        #expect(!line.utf8.contains { $0 < 0x20 })
        for field in [" from=<", " to=<", " helo=<", " rule=", " sid=", " proto="] {
            #expect(line.components(separatedBy: field) == 2, "\(field)")
        }
        #expect(line.hasSuffix(" rule=inbound/no-relay sid=4ZbQ1x7kzq"))
    }
}

extension String {
    /// How many parts `separator` cuts the string into.
    fileprivate func components(separatedBy separator: String) -> Int {
        split(separator: separator, omittingEmptySubsequences: false).count
    }
}
