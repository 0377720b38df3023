import SMTPWire
import Testing

@Suite struct ParameterTests {
    @Test func `all parameters of MAIL are read`() throws {
        let line = "MAIL FROM:<a@b> size=1000 BODY=8bitMIME SMTPUTF8 RET=HDRS ENVID=QQ314159 AUTH=e+3Dmc2@x REQUIRETLS"
        let command = try #require(mail(line))
        #expect(command.size == 1000)
        #expect(command.body == .eightBitMIME)
        #expect(command.smtputf8 && command.requireTLS)
        #expect(command.ret == .hdrs)
        #expect(command.envid == octets("QQ314159"))
        #expect(command.auth == .xtext(octets("e+3Dmc2@x")))
    }

    @Test func `parameters that are absent are nil`() throws {
        let command = try #require(mail("MAIL FROM:<a@b>"))
        #expect(command == MailCommand(sender: command.sender))
        #expect(rcpt("RCPT TO:<a@b>")?.notify == nil)
    }

    @Test(arguments: [
        ("SIZE=foo", CommandFault.Kind.parameterValue), ("SIZE=", .parameterValue), ("SIZE", .parameterValue),
        ("SIZE=-1", .parameterValue), ("SIZE=+1", .parameterValue), ("SIZE=99999999999999999999999", .sizeOverflow),
        ("SIZE=18446744073709551616", .sizeOverflow), ("SIZE=000000000000000000001", .sizeOverflow),
        ("FOO=bar", .unknownParameter), ("FOO", .unknownParameter), ("NOTIFY=NEVER", .unknownParameter),
        ("SIZE=1 SIZE=2", .duplicateParameter), ("SMTPUTF8 smtputf8", .duplicateParameter),
        ("BODY=9BIT", .parameterValue),
        ("BODY", .parameterValue), ("SMTPUTF8=1", .parameterValue), ("REQUIRETLS=x", .parameterValue),
        ("RET=ALL", .parameterValue), ("RET", .parameterValue), ("ENVID=", .parameterValue),
        ("ENVID=a+0", .parameterValue),
        ("ENVID=a+0g", .parameterValue), ("ENVID=a=b", .parameterValue), ("AUTH=he+YYa", .parameterValue),
        ("AUTH=", .parameterValue), ("AUTH=a+2b", .parameterValue), ("=x", .syntax), ("-A=x", .syntax),
        ("A_B=x", .syntax),
        ("ENVID=ö", .parameterValue), ("BODY=7BIT\u{1}", .illegalBytes),
    ])
    func `a wrong parameter of MAIL says what is wrong`(parameter: String, kind: CommandFault.Kind) {
        #expect(fault("MAIL FROM:<a@b> \(parameter)") == kind)
    }

    @Test func `SIZE reaches to the largest number`() {
        #expect(mail("MAIL FROM:<a@b> SIZE=18446744073709551615")?.size == .max)
        #expect(mail("MAIL FROM:<a@b> SIZE=0")?.size == 0)
    }

    @Test func `AUTH may be empty`() {
        #expect(mail("MAIL FROM:<a@b> AUTH=<>")?.auth == .empty)
    }

    @Test func `ENVID has at most 100 octets`() {
        let longest = String(repeating: "x", count: 100)
        #expect(mail("MAIL FROM:<a@b> ENVID=\(longest)")?.envid?.count == 100)
        #expect(fault("MAIL FROM:<a@b> ENVID=\(longest)x") == .parameterValue)
    }

    @Test func `all parameters of RCPT are read`() throws {
        let command = try #require(
            rcpt("RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+0D+0AMAIL+20FROM:<s@evil.test>"))
        #expect(command.notify == [.success, .delay])
        #expect(command.orcpt == octets("rfc822;x+0D+0AMAIL+20FROM:<s@evil.test>"))
        #expect(rcpt("RCPT TO:<a@b> notify=never")?.notify == .never)
    }

    @Test(arguments: [
        ("NOTIFY=NEVER,SUCCESS", CommandFault.Kind.parameterValue), ("NOTIFY=", .parameterValue),
        ("NOTIFY", .parameterValue),
        ("NOTIFY=SUCCESS,", .parameterValue), ("NOTIFY=SUCCESS,SUCCESS", .parameterValue),
        ("NOTIFY=LATER", .parameterValue),
        ("NOTIFY=DELAY NOTIFY=DELAY", .duplicateParameter), ("ORCPT=a@b", .parameterValue),
        ("ORCPT=;a@b", .parameterValue),
        ("ORCPT=rfc822;", .parameterValue), ("ORCPT=rfc822;a+zz", .parameterValue), ("ORCPT=rf@c;a", .parameterValue),
        ("ORCPT=rfc822;a ORCPT=rfc822;a", .duplicateParameter), ("SIZE=1", .unknownParameter),
        ("FOO=bar", .unknownParameter),
    ])
    func `a wrong parameter of RCPT says what is wrong`(parameter: String, kind: CommandFault.Kind) {
        #expect(fault("RCPT TO:<a@b> \(parameter)") == kind)
    }

    @Test func `ORCPT has at most 500 octets`() {
        let longest = "rfc822;" + String(repeating: "x", count: 493)
        #expect(rcpt("RCPT TO:<a@b> ORCPT=\(longest)")?.orcpt?.count == 500)
        #expect(fault("RCPT TO:<a@b> ORCPT=\(longest)x") == .parameterValue)
    }
}
