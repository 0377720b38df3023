import SMTPWire
import Testing

@Suite struct AddressTests {
    @Test(arguments: [
        ("a@b", "a", "b"), ("a.b+c@example.com", "a.b+c", "example.com"), ("\"a b\"@b.test", "\"a b\"", "b.test"),
        ("\"a\\\"b@c>\"@b.test", "\"a\\\"b@c>\"", "b.test"), ("\"\"@b", "\"\"", "b"),
        ("a@[192.0.2.1]", "a", "[192.0.2.1]"), ("a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]"),
        ("a@[x-tag:content]", "a", "[x-tag:content]"), ("!#$%&'*+-/=?^_`{|}~@b", "!#$%&'*+-/=?^_`{|}~", "b"),
        ("victim%external.test@example.com", "victim%external.test", "example.com"),
        ("external.test!victim@example.com", "external.test!victim", "example.com"),
        ("a@xn--e1afmkfd.xn--80akhbyknj4f", "a", "xn--e1afmkfd.xn--80akhbyknj4f"),
        ("a@under_score.test", "a", "under_score.test"),
        ("a@1.2", "a", "1.2"),
    ])
    func `an address is kept byte for byte`(address: String, local: String, domain: String) {
        for mailbox in [mail("MAIL FROM:<\(address)>")?.sender, rcpt("RCPT TO:<\(address)>")?.recipient] {
            #expect(mailbox.map { text($0.local) } == local)
            #expect(mailbox.map { text($0.domain) } == domain)
            #expect(mailbox?.isDomainLiteral == domain.hasPrefix("["))
            #expect(mailbox?.isInternationalized == false)
            #expect(mailbox.map { text($0.bytes) } == address)
        }
    }

    @Test(arguments: [
        "a", "@b", "a@", ".a@b", "a.@b", "a..b@c", "u\"ser@domain.tld", "\"a@b", "\"a\"b@c", "a b@c", "a@b@c", "a@-b",
        "a@b-", "a@b..c", "a@.b", "a@b.", "a@[1.2.3]", "a@[01.2.3.4]", "a@[1.2.3.4", "a@1.2.3.4]", "a@[IPv6:1.2.3.4]",
        "a@[IPv6:zz]", "a@[]", "a@[tag-:x]", "a@[tag:]", "a@[tag:a b]", "a@b,c", "a,b@c", "a@b!c", "(a)@b", "a@b:c",
        "<a@b>", "@a:", "@a:b", "@a,b@c", "@a,@:b@c", "postmaster ", "xpostmaster", "\"postmaster\"",
    ])
    func `what is no address is refused`(address: String) {
        #expect(fault("MAIL FROM:<\(address)>") == .badAddress)
        #expect(fault("RCPT TO:<\(address)>") == .badAddress)
    }

    @Test func `brackets are required and nothing may hang on them`() {
        #expect(fault("MAIL FROM:a@b") == .syntax)
        #expect(fault("MAIL FROM: a@b") == .syntax)
        #expect(fault("MAIL FROM:<a@b") == .badAddress)
        #expect(fault("MAIL FROM:<a@b>SIZE=1") == .syntax)
        #expect(fault("MAIL FROM:<a@b>>") == .syntax)
        #expect(mail("MAIL FROM: <a@b>")?.sender?.local == octets("a"))
        #expect(mail("mAiL fRoM:<a@b> ")?.sender?.local == octets("a"))
    }

    @Test func `the null reverse-path is a sender but no recipient`() throws {
        let command = try #require(mail("MAIL FROM:<>"))
        #expect(command.sender == nil)
        #expect(fault("RCPT TO:<>") == .badAddress)
    }

    @Test func `postmaster alone needs no domain, as a recipient`() {
        #expect(rcpt("RCPT TO:<PostMaster>")?.recipient.domain == [])
        #expect(rcpt("RCPT TO:<PostMaster>").map { text($0.recipient.local) } == "PostMaster")
        #expect(fault("MAIL FROM:<postmaster>") == .badAddress)
        #expect(fault("RCPT TO:<bob>") == .badAddress)
    }

    @Test func `a source route is recognised and dropped`() throws {
        let command = try #require(rcpt("RCPT TO:<@a.test,@b.test:bob@example.com>"))
        #expect(command.hadSourceRoute)
        #expect(text(command.recipient.bytes) == "bob@example.com")
        #expect(mail("MAIL FROM:<@a:b@c>")?.hadSourceRoute == true)
        #expect(mail("MAIL FROM:<b@c>")?.hadSourceRoute == false)
        #expect(fault("RCPT TO:<@a:postmaster>") == .badAddress)
    }

    @Test func `lengths of RFC 5321 pass and one more does not`() {
        func label(_ letter: Character, _ count: Int = 60) -> String { String(repeating: letter, count: count) }
        let domain = "\(label("b")).\(label("c")).\(label("d")).test"
        #expect(fault("MAIL FROM:<\(label("a", 64))@\(domain)>") == nil)
        #expect(fault("MAIL FROM:<\(label("a", 65))@\(domain)>") == .badAddress)
        #expect(fault("RCPT TO:<\"\(label("a", 62))\"@b>") == nil)
        #expect(fault("RCPT TO:<\"\(label("a", 63))\"@b>") == .badAddress)
        let longest = "\(label("b", 63)).\(label("c", 63)).\(label("d", 63)).\(label("e", 63))"
        #expect(fault("MAIL FROM:<a@\(longest)>") == nil)
        #expect(fault("MAIL FROM:<a@\(longest).f>") == .badAddress)
        #expect(fault("MAIL FROM:<a@\(label("b", 64))>") == .badAddress)
    }

    @Test func `an internationalized address needs SMTPUTF8 and valid UTF-8`() {
        #expect(fault("MAIL FROM:<ö@ö.test>") == .needsSMTPUTF8)
        #expect(mail("MAIL FROM:<ö@ö.test> SMTPUTF8")?.sender?.isInternationalized == true)
        #expect(rcpt("RCPT TO:<ö@example.com>")?.recipient.isInternationalized == true)
        #expect(mail("MAIL FROM:<\"ö\"@b> SMTPUTF8")?.sender?.isInternationalized == true)
        #expect(fault("MAIL FROM:<a\u{85}@b> SMTPUTF8") == .badAddress)
        for broken: [UInt8] in [[0xC3], [0xF1, 0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0x85]] {
            let line = octets("MAIL FROM:<a") + broken + octets("@b> SMTPUTF8")
            #expect(parse(line) == .failure(CommandFault(verb: .mail, kind: .badAddress)))
        }
    }

    @Test func `control characters in an address are refused`() {
        #expect(fault("MAIL FROM:<pr\u{7}obe@remote.test>") == .illegalBytes)
        #expect(fault("RCPT TO:<\"a\tb\"@c>") == .illegalBytes)
        #expect(fault("RCPT TO:<a@b>\u{7F}") == .illegalBytes)
    }

    @Test func `an address without brackets can be parsed alone`() {
        #expect(Mailbox(octets("a@b"))?.domain == octets("b"))
        #expect(Mailbox(octets("")) == nil)
        #expect(Mailbox(octets("a@b>")) == nil)
        #expect(Mailbox(octets("@r:a@b")) == nil)
        #expect(Mailbox(octets("postmaster"))?.domain == [])
    }
}
