import Bytes
import SMTPWire
import Testing

@Suite struct CommandEncoderTests {
    private func again(_ line: String) -> String? {
        guard case .success(let command) = parse(line) else { return nil }
        switch command {
        case .mail(let mail): return text(written { CommandEncoder.mail(mail, to: &$0) })
        case .rcpt(let rcpt): return text(written { CommandEncoder.rcpt(rcpt, to: &$0) })
        default: return nil
        }
    }

    @Test(arguments: [
        ("mail from: <a@b>   size=10  ", "MAIL FROM:<a@b> SIZE=10"), ("MAIL FROM:<>", "MAIL FROM:<>"),
        ("MAIL FROM:<@r.test:a@b>", "MAIL FROM:<a@b>"),
        ("MAIL FROM:<a@remote.test> ENVID=QQ314159 RET=HDRS", "MAIL FROM:<a@remote.test> RET=HDRS ENVID=QQ314159"),
        (
            "MAIL FROM:<ö@b> REQUIRETLS AUTH=<> RET=FULL SMTPUTF8 BODY=binarymime SIZE=007",
            "MAIL FROM:<ö@b> SIZE=7 BODY=BINARYMIME SMTPUTF8 RET=FULL AUTH=<> REQUIRETLS"
        ),
        ("MAIL FROM:<a@b> BODY=7bit AUTH=x+2By", "MAIL FROM:<a@b> BODY=7BIT AUTH=x+2By"),
        ("RCPT TO:<\"a b\"@[1.2.3.4]>", "RCPT TO:<\"a b\"@[1.2.3.4]>"),
        ("rcpt to:<PostMaster>", "RCPT TO:<PostMaster>"),
        (
            "RCPT TO:<bob@example.com> ORCPT=rfc822;bob@example.com NOTIFY=success,delay",
            "RCPT TO:<bob@example.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob@example.com"
        ),
        ("RCPT TO:<a@b> NOTIFY=DELAY,FAILURE,SUCCESS", "RCPT TO:<a@b> NOTIFY=SUCCESS,FAILURE,DELAY"),
        ("RCPT TO:<a@b> NOTIFY=never", "RCPT TO:<a@b> NOTIFY=NEVER"),
        ("RCPT TO:<a@b> ORCPT=rfc822;x+0D+0AMAIL", "RCPT TO:<a@b> ORCPT=rfc822;x+0D+0AMAIL"),
    ])
    func `MAIL and RCPT leave in one canonical form`(line: String, canonical: String) {
        #expect(again(line) == canonical + "\r\n")
        #expect(again(canonical) == canonical + "\r\n")
    }

    @Test func `the other commands are fixed text`() {
        func sent(_ write: (inout OutputBuffer) -> Void) -> String { text(written(write)) }
        #expect(sent { CommandEncoder.ehlo(octets("a.test"), esmtp: true, to: &$0) } == "EHLO a.test\r\n")
        #expect(sent { CommandEncoder.ehlo(octets("[1.2.3.4]"), esmtp: false, to: &$0) } == "HELO [1.2.3.4]\r\n")
        #expect(sent { CommandEncoder.data(to: &$0) } == "DATA\r\n")
        #expect(sent { CommandEncoder.bdat(size: .max, last: false, to: &$0) } == "BDAT 18446744073709551615\r\n")
        #expect(sent { CommandEncoder.bdat(size: 0, last: true, to: &$0) } == "BDAT 0 LAST\r\n")
        #expect(sent { CommandEncoder.rset(to: &$0) } == "RSET\r\n")
        #expect(sent { CommandEncoder.quit(to: &$0) } == "QUIT\r\n")
        #expect(sent { CommandEncoder.noop(to: &$0) } == "NOOP\r\n")
        #expect(sent { CommandEncoder.starttls(to: &$0) } == "STARTTLS\r\n")
        #expect(sent { CommandEncoder.auth(.scramSHA256, initial: nil, to: &$0) } == "AUTH SCRAM-SHA-256\r\n")
        #expect(sent { CommandEncoder.auth(.plain, initial: [], to: &$0) } == "AUTH PLAIN =\r\n")
        #expect(sent { CommandEncoder.auth(.plain, initial: octets("AAAA"), to: &$0) } == "AUTH PLAIN AAAA\r\n")
        #expect(sent { CommandEncoder.authResponse(octets("AA\r\nAA"), to: &$0) } == "AAAA\r\n")
        #expect(sent { CommandEncoder.authResponse([], to: &$0) } == "\r\n")
        #expect(sent { CommandEncoder.authCancel(to: &$0) } == "*\r\n")
        #expect(sent { CommandEncoder.endOfData(to: &$0) } == ".\r\n")
    }
}

@Suite struct XClientTests {
    private let every: XClientAttributes = [.name, .addr, .port, .proto, .helo, .login, .destAddr, .destPort]

    private func identity(_ change: (inout XClient) -> Void = { _ in }) -> XClient {
        let client = Endpoint(address: IPAddress(v4: 0xC000_0201), port: 4711)
        var identity = XClient(client: client, destination: Endpoint(address: IPAddress(high: 0, low: 1), port: 25))
        change(&identity)
        return identity
    }

    private func sent(_ identity: XClient, _ offered: XClientAttributes) throws(XClientFault) -> String {
        text(try written { (output) throws(XClientFault) in try identity.encode(offered: offered, to: &output) })
    }

    @Test func `everything goes in one command`() throws {
        let full = identity {
            $0.name = octets("mail.example.org")
            $0.login = octets("alice+x@example.com")
            $0.helo = octets("[192.0.2.1]")
        }
        let expected =
            "XCLIENT NAME=mail.example.org ADDR=192.0.2.1 PORT=4711 HELO=[192.0.2.1] PROTO=ESMTP DESTADDR=IPV6:::1 "
            + "DESTPORT=25 LOGIN=alice+2Bx@example.com\r\n"
        #expect(try sent(full, every) == expected)
    }

    @Test func `only what is offered goes, and names always go with the address`() throws {
        #expect(try sent(identity(), [.name, .addr]) == "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.1\r\n")
        #expect(try sent(identity { $0.proto = .smtp }, [.addr, .proto]) == "XCLIENT ADDR=192.0.2.1 PROTO=SMTP\r\n")
        let reverse = identity { $0.reverseName = octets("r.test") }
        #expect(
            try sent(reverse, [.name, .addr, .reverseName])
                == "XCLIENT NAME=[UNAVAILABLE] REVERSE_NAME=r.test ADDR=192.0.2.1\r\n")
    }

    @Test func `a name from DNS that is no host name is not told`() throws {
        for name in ["a b", "a\r\nADDR=127.0.0.1", "a=b", "ö.test", "", String(repeating: "a", count: 256)] {
            let line = try sent(identity { $0.name = octets(name) }, [.name, .addr])
            #expect(line == "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.1\r\n")
        }
    }

    @Test func `a client's bytes are xtext`() throws {
        let line = try sent(identity { $0.helo = octets("a b\r\nc=+") }, [.addr, .helo])
        #expect(line == "XCLIENT ADDR=192.0.2.1 HELO=a+20b+0D+0Ac+3D+2B\r\n")
    }

    @Test func `what is too long loses its name, then HELO, never LOGIN`() throws {
        let long = identity {
            $0.name = octets(String(repeating: "n", count: 240))
            $0.helo = octets(String(repeating: "h", count: 200))
            $0.login = octets("alice")
        }
        let withoutName = try sent(long, every)
        #expect(withoutName.contains("NAME=[UNAVAILABLE]") && withoutName.contains("HELO=hhh"))
        let longer = identity {
            $0.helo = octets(String(repeating: "h", count: 200))
            $0.login = octets(String(repeating: "l", count: 250))
        }
        let withoutHelo = try sent(longer, every)
        #expect(!withoutHelo.contains("HELO=") && withoutHelo.contains("LOGIN=lll"))
        for line in [withoutName, withoutHelo] { #expect(line.utf8.count <= 512) }
        #expect(try !sent(identity { $0.helo = octets(String(repeating: " ", count: 86)) }, every).contains("HELO="))
    }

    @Test func `an identity that can't be told is an error and nothing is written`() {
        func refusal(_ identity: XClient, _ offered: XClientAttributes) -> XClientFault? {
            do throws(XClientFault) {
                _ = try sent(identity, offered)
                return nil
            } catch {
                return error
            }
        }
        #expect(refusal(identity(), [.name]) == .addrNotOffered)
        #expect(refusal(identity { $0.login = octets("a") }, [.addr]) == .loginNotOffered)
        #expect(refusal(identity { $0.login = [UInt8](repeating: 0x20, count: 86) }, every) == .tooLong)
        #expect(refusal(identity { $0.login = [] }, every) == .tooLong)
    }
}
