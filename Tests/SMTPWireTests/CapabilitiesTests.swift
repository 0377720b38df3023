import SMTPWire
import Testing

@Suite struct CapabilitiesTests {
    private func offered(_ lines: String...) -> Capabilities {
        Capabilities(ehlo: Reply(250, (["backend.test greets"] + lines).joined(separator: "\n")))
    }

    @Test func `everything known is read, in any letter case`() {
        let found = offered(
            "PIPELINING", "size 10240000", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "DSN",
            "ENHANCEDSTATUSCODES",
            "REQUIRETLS", "STARTTLS", "AUTH PLAIN LOGIN GSSAPI SCRAM-SHA-256-PLUS",
            "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT",
            "LIMITS MAILMAX=10 RCPTMAX=100 FOO=1 RCPTDOMAINMAX=x")
        #expect(found.pipelining && found.eightBitMIME && found.binaryMIME && found.chunking && found.smtputf8)
        #expect(found.dsn && found.enhancedStatusCodes && found.requireTLS && found.starttls)
        #expect(found.size == .octets(10_240_000))
        #expect(found.auth.mechanisms == [.plain, .login])
        #expect(found.xclient == [.name, .addr, .port, .proto, .helo, .login, .destAddr, .destPort])
        #expect(found.limits == Capabilities.Limits(mailMax: 10, rcptMax: 100))
    }

    @Test func `the greeting line offers nothing`() {
        #expect(Capabilities(ehlo: Reply(250, "STARTTLS")) == .none)
        #expect(Capabilities(ehlo: Reply(250, "PIPELINING\nX-UNKNOWN")) == .none)
    }

    @Test func `a refusal offers nothing`() {
        #expect(Capabilities(ehlo: Reply(502, "a\nSTARTTLS")) == .none)
    }

    @Test func `SIZE without a usable number is unlimited`() {
        #expect(offered("SIZE").size == .unlimited)
        #expect(offered("SIZE 0").size == .unlimited)
        #expect(offered().size == nil)
        #expect(offered("SIZE 99999999999999999999999").size == .octets(.max))
    }

    @Test func `the old form of AUTH adds to the new one`() {
        #expect(offered("AUTH PLAIN", "AUTH=PLAIN LOGIN").auth == [.init(.plain), .init(.login)])
        #expect(offered("AUTH=CRAM-MD5").auth == .init(.cramMD5))
    }

    @Test func `XCLIENT without attributes is offered but takes none`() {
        #expect(offered("XCLIENT").xclient == [])
        #expect(offered("XFORWARD NAME").xclient == nil)
        #expect(offered("XCLIENT ADDR REVERSE_NAME").xclient == [.addr, .reverseName])
    }
}
