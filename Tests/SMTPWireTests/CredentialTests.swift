import SMTPWire
import Testing

@Suite struct CredentialTests {
    private func auth(_ line: String) -> AuthCommand? {
        if case .success(.auth(let command)) = parse(line) { command } else { nil }
    }

    @Test func `AUTH is read with and without an initial response`() throws {
        let command = try #require(auth("auth plain AGEAYg=="))
        #expect(command.mechanism == .plain)
        #expect(command.mechanismName == octets("PLAIN"))
        #expect(command.initialResponse == .base64(octets("AGEAYg==")))
        #expect(auth("AUTH LOGIN")?.initialResponse == InitialResponse.none)
        #expect(auth("AUTH SCRAM-SHA-256 =")?.initialResponse == .empty)
        let unknown = try #require(auth("AUTH GSSAPI"))
        #expect(unknown.mechanism == nil)
        for mechanism in AuthMechanism.allCases {
            #expect(auth("AUTH \(mechanism.name)")?.mechanism == mechanism)
        }
    }

    @Test(arguments: [
        ("AUTH", CommandFault.Kind.missingArgument), ("AUTH PL.AIN", .syntax), ("AUTH AAAAAAAAAAAAAAAAAAAAA", .syntax),
        ("AUTH PLAIN a b", .unexpectedArgument), ("AUTH PLAIN AGEAYg", .badBase64), ("AUTH PLAIN AGE*Yg==", .badBase64),
        ("AUTH PLAIN *", .badBase64), ("AUTH PLAIN \u{1}", .illegalBytes), ("AUTH PLAIN öä", .illegalBytes),
    ])
    func `a wrong AUTH says what is wrong`(line: String, kind: CommandFault.Kind) {
        #expect(fault(line) == kind)
    }

    @Test func `a response can't be printed`() throws {
        let command = try #require(auth("AUTH PLAIN AGEAYg=="))
        var dumped = ""
        dump(Command.auth(command), to: &dumped)
        for shown in [
            "\(command)", String(reflecting: command), "\(Command.auth(command))", dumped, "\(command.initialResponse)",
        ] {
            #expect(!shown.contains("AGEAYg"))
            #expect(!shown.contains("71, 69"))
        }
    }

    @Test func `base64 round trips and has one form only`() {
        var numbers = Numbers(state: 1)
        for count in 0..<70 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
        #expect(text(Base64.encode(octets("secret"))) == "c2VjcmV0")
        for wrong in ["A", "AA", "AAA", "A===", "====", "AB==", "AAB=", "AA==AA==", "AA=A", "A A=", "AAAA\n", "AA__"] {
            #expect(Base64.decode(octets(wrong)) == nil, "\(wrong)")
        }
    }

    @Test func `xtext round trips and refuses what is malformed`() {
        let all = (0...255).map { UInt8($0) }
        let encoded = XText.encode(all)
        #expect(XText.decode(encoded) == all)
        #expect(encoded.allSatisfy { (0x21...0x7E).contains($0) })
        #expect(text(XText.encode(octets("a+b=c d\r\n"))) == "a+2Bb+3Dc+20d+0D+0A")
        for wrong in ["+", "+4", "+4g", "+4a", "a b", "a=b", "\u{1}", "ö"] {
            #expect(!XText.isValid(octets(wrong)), "\(wrong)")
        }
        #expect(XText.isValid([]))
        #expect(written { XText.encode(octets("a b"), into: &$0) } == octets("a+20b"))
    }
}

@Suite struct LoginLearnerTests {
    private func learn(_ mechanism: AuthMechanism, _ message: String) -> (String, String?)? {
        LoginLearner.learn(mechanism, from: octets(message)).map { (text($0.authcid), $0.authzid.map(text)) }
    }

    @Test(
        arguments: [
            (AuthMechanism.plain, "\0alice\0secret", "alice", nil), (.plain, "root\0alice\0s", "alice", "root"),
            (.login, "alice@example.com", "alice@example.com", nil), (.login, "jörg", "jörg", nil),
            (.cramMD5, "tim b913a602c7eda7a495b4e6e7334d3890", "tim", nil),
            (.cramMD5, "tim b b913a602c7eda7a495b4e6e7334d3890", "tim b", nil),
            (.scramSHA1, "n,,n=user,r=abc", "user", nil),
            (.scramSHA256, "y,a=adm=2Cin,n=us=3Der,r=abc,x=y", "us=er", "adm,in"),
            (.scramSHA512, "n,,n=u,r=n", "u", nil),
            (.xoauth2, "user=a@b\u{1}auth=Bearer tok\u{1}\u{1}", "a@b", nil),
            (.oauthbearer, "n,a=a@b,\u{1}host=h\u{1}port=587\u{1}auth=Bearer tok\u{1}\u{1}", "a@b", nil),
        ] as [(AuthMechanism, String, String, String?)])
    func `the tried name is learnt`(mechanism: AuthMechanism, message: String, authcid: String, authzid: String?) {
        let learnt = learn(mechanism, message)
        #expect(learnt?.0 == authcid)
        #expect(learnt?.1 == authzid)
    }

    @Test(arguments: [
        (AuthMechanism.plain, "alice\0secret"), (.plain, "\0alice\0"), (.plain, "\0\0secret"), (.plain, "\0a\0b\0c"),
        (.plain, ""),
        (.plain, "\0alice\r\nXCLIENT ADDR=127.0.0.1\0secret"), (.plain, "ro\u{7}ot\0alice\0s"), (.login, ""),
        (.login, "a\0b"),
        (.login, "a\u{9B}b"), (.cramMD5, "tim"), (.cramMD5, "tim abc"), (.cramMD5, " b913a602c7eda7a495b4e6e7334d3890"),
        (.cramMD5, "tim g913a602c7eda7a495b4e6e7334d3890"), (.scramSHA1, "n,,n=us=er,r=a"), (.scramSHA1, "n,,n=user"),
        (.scramSHA1, "n,,n=user,r="), (.scramSHA1, "p=tls-unique,,n=user,r=a"), (.scramSHA1, "n,,m=x,n=user,r=a"),
        (.scramSHA1, "n,a=,n=user,r=a"), (.scramSHA1, "n,,n=,r=a"), (.scramSHA1, "n,x,n=u,r=a"),
        (.xoauth2, "user=a@b\u{1}auth=Bearer \u{1}\u{1}"), (.xoauth2, "user=\u{1}auth=Bearer t\u{1}\u{1}"),
        (.xoauth2, "user=a\u{1}auth=Bearer t\u{1}"), (.oauthbearer, "n,,\u{1}auth=Bearer tok\u{1}\u{1}"),
        (.oauthbearer, "n,a=a,\u{1}host=h\u{1}\u{1}"), (.oauthbearer, "a=a,\u{1}auth=Bearer tok\u{1}\u{1}"),
    ])
    func `a message that is not in form teaches nothing`(mechanism: AuthMechanism, message: String) {
        #expect(learn(mechanism, message) == nil)
    }

    @Test func `names are bounded and valid UTF-8`() {
        #expect(LoginLearner.learn(.login, from: [UInt8](repeating: 0x61, count: 255)) != nil)
        #expect(LoginLearner.learn(.login, from: [UInt8](repeating: 0x61, count: 256)) == nil)
        #expect(LoginLearner.learn(.login, from: [0x61, 0xC3]) == nil)
    }
}
