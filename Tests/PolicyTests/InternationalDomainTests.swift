import Policy
import Testing

@Suite struct InternationalDomainTests {
    @Test(arguments: [
        ("MÜNCHEN.Example.", "xn--mnchen-3ya.example"), ("straße.example", "xn--strae-oqa.example"),
        ("bu\u{308}cher.example", "xn--bcher-kva.example"), ("почта.example", "xn--80a1acny.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"), ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ("EXAMPLE.org.", "example.org"),
    ])
    func `A domain has one form, in ASCII`(written: String, form: String) {
        #expect(String(decoding: CanonicalName.domain(octets(written)), as: UTF8.self) == form)
    }

    @Test func `What is no domain name stays as it is, in ASCII's lower case`() {
        let tooLong = String(repeating: "ü", count: 600) + ".EXAMPLE"
        for written in ["\u{FFFD}\u{FFFD}.EXAMPLE", tooLong, "a\u{0}ü.EXAMPLE", "ü..EXAMPLE"] {
            #expect(String(decoding: CanonicalName.domain(octets(written)), as: UTF8.self).hasSuffix(".example"))
        }
        let broken: [UInt8] = [0xFF, 0xC3, 0x28, 0x2E, 0x41]
        #expect(CanonicalName.domain(broken) == [0xFF, 0xC3, 0x28, 0x2E, 0x61])
    }

    @Test func `Lists, constants, keys and facts meet in that form`() {
        let site = list(.domain, "münchen.example", ".bücher.example")
        for (domain, isThere) in [
            ("xn--mnchen-3ya.example", true), ("a.xn--bcher-kva.example", true), ("xn--bcher-kva.example", false),
        ] {
            let asked = octets(domain)
            #expect(site.contains(asked.span, on: 0) == isThere, "\(domain)")
        }
        #expect(CanonicalName.address(octets("Info@MÜNCHEN.example")) == octets("info@xn--mnchen-3ya.example"))
        var facts = sampleFacts()
        facts.recipient = RecipientFacts(
            local: octets("bob"), domain: CanonicalName.domain(octets("München.example")), hasRouting: false)
        let book = RuleBook(Rule("r", at: .rcpt, when: .equal(.rcptDomain, .text("münchen.EXAMPLE")), refusal))
        #expect(book.decide(.rcpt, facts).rule.rule == "r")
    }
}
