import SMTPSession
import SMTPWire
import Testing

@Suite struct LoginExchangeTests {
    private static let scram = "n,,n=carol,r=fyko+d2lbbFgONRv9qkxdawL"
    private static let digest = "carol 0123456789abcdef0123456789abcdef"
    /// What each mechanism says with its name.
    private static let firsts: [(AuthMechanism, String)] = [
        (.plain, "\u{0}carol\u{0}secret"), (.login, "carol"), (.scramSHA1, scram), (.scramSHA256, scram),
        (.scramSHA512, scram), (.xoauth2, "user=carol\u{1}auth=Bearer t\u{1}\u{1}"),
        (.oauthbearer, "n,a=carol,\u{1}auth=Bearer t\u{1}\u{1}"),
    ]

    private func name(_ step: LoginExchange.Step) -> String? {
        if case .askLogin(let name) = step { String(decoding: name.authcid, as: UTF8.self) } else { nil }
    }

    private func begin(_ mechanism: AuthMechanism, _ text: String) -> (LoginExchange, LoginExchange.Step) {
        LoginExchange.begin(mechanism, .base64(base64(text)))
    }

    @Test func `each mechanism learns the name from an initial response before anything is sent`() {
        for (mechanism, first) in Self.firsts {
            var (exchange, step) = begin(mechanism, first)
            #expect(name(step) == "carol", "\(mechanism)")
            let next = exchange.loginAccepted()
            let initial = mechanism == .login ? nil : base64(first)
            #expect(next == .send(.auth(mechanism, initial: initial)), "\(mechanism)")
        }
    }

    @Test func `without an initial response we challenge, and the name comes with the answer`() {
        for (mechanism, first) in Self.firsts {
            var (exchange, step) = LoginExchange.begin(mechanism, .none)
            #expect(step == .challenge(Reply(334, mechanism == .login ? "VXNlcm5hbWU6" : "")), "\(mechanism)")
            #expect(name(exchange.clientResponded(base64(first))) == "carol", "\(mechanism)")
        }
    }

    @Test func `LOGIN holds the name until the backend asks for it`() {
        var (exchange, _) = begin(.login, "carol")
        _ = exchange.loginAccepted()
        #expect(exchange.backendReplied(Reply(334, "VXNlcm5hbWU6")) == .send(.response(base64("carol"))))
        #expect(exchange.backendReplied(Reply(334, "UGFzc3dvcmQ6")) == .challenge(Reply(334, "UGFzc3dvcmQ6")))
        #expect(exchange.clientResponded(base64("pw")) == .send(.response(base64("pw"))))
        #expect(exchange.backendReplied(Reply(235, "in")) == .finished(.ok, Reply(235, "in")))
    }

    @Test func `CRAM-MD5 takes the backend's challenge first and the name from its answer`() {
        var (exchange, step) = LoginExchange.begin(.cramMD5, .none)
        #expect(step == .send(.auth(.cramMD5, initial: nil)))
        #expect(exchange.backendReplied(Reply(334, "PDE+")) == .challenge(Reply(334, "PDE+")))
        #expect(name(exchange.clientResponded(base64(Self.digest))) == "carol")
        #expect(exchange.loginAccepted() == .send(.response(base64(Self.digest))))
        #expect(LoginExchange.begin(.cramMD5, .empty).1 == .finished(.malformed, Replies.malformedResponse))
    }

    @Test func `SCRAM ends with the server's final message and an empty response`() {
        var (exchange, _) = begin(.scramSHA256, Self.scram)
        _ = exchange.loginAccepted()
        #expect(exchange.backendReplied(Reply(334, "cj14")) == .challenge(Reply(334, "cj14")))
        #expect(exchange.clientResponded(base64("c=biws,r=x,p=y")) == .send(.response(base64("c=biws,r=x,p=y"))))
        #expect(exchange.backendReplied(Reply(334, "dj14")) == .challenge(Reply(334, "dj14")))
        #expect(exchange.clientResponded([]) == .send(.response([])))
        #expect(exchange.backendReplied(Reply(235, "in")) == .finished(.ok, Reply(235, "in")))
    }

    @Test func `a client may cancel wherever it is asked`() {
        let star: [UInt8] = [0x2A]
        var (early, _) = LoginExchange.begin(.plain, .none)
        #expect(early.clientResponded(star) == .finished(.cancelled, Replies.authCancelled))
        var (cram, _) = LoginExchange.begin(.cramMD5, .none)
        _ = cram.backendReplied(Reply(334, "PDE+"))
        #expect(cram.clientResponded(star) == .cancel)
        #expect(cram.backendReplied(Reply(501, "x")) == .finished(.cancelled, Replies.authCancelled))
        var (late, _) = begin(.login, "carol")
        _ = late.loginAccepted()
        _ = late.backendReplied(Reply(334, ""))
        _ = late.backendReplied(Reply(334, ""))
        #expect(late.clientResponded(star) == .cancel)
        #expect(late.backendReplied(Reply(235, "in")) == .fault(.unexpectedReply(Reply(235, "in"))))
    }

    @Test func `what is not base64, names nobody or breaks lines is refused before the backend hears it`() {
        var (bad, _) = LoginExchange.begin(.plain, .none)
        #expect(bad.clientResponded(octets("no base64!")) == .finished(.malformed, Replies.malformedResponse))
        for text in [
            "\u{0}\u{0}secret", "\u{0}ca\r\nrol\u{0}secret", "\u{0}ca\nrol\u{0}x", "nothing", "\u{0}carol\u{0}",
        ] {
            #expect(
                begin(.plain, text).1 == .finished(.malformed, Replies.authenticationFailed), "\(text.debugDescription)"
            )
        }
        #expect(LoginExchange.begin(.plain, .empty).1 == .finished(.malformed, Replies.malformedResponse))
    }

    @Test func `another authorization identity is 535, the same one passes`() {
        #expect(
            begin(.plain, "dave\u{0}carol\u{0}s").1 == .finished(.badCredentials, Replies.authorizationIdentityRefused))
        #expect(name(begin(.plain, "carol\u{0}carol\u{0}s").1) == "carol")
        #expect(
            begin(.scramSHA1, "n,a=dave,n=carol,r=x").1
                == .finished(.badCredentials, Replies.authorizationIdentityRefused))
    }

    @Test func `the backend's refusals keep their meaning`() {
        for (code, outcome) in [
            (454, LoginExchange.LoginOutcome.temporary), (535, .badCredentials), (501, .malformed),
            (504, .badCredentials),
        ] as [(UInt16, LoginExchange.LoginOutcome)] {
            var (exchange, _) = begin(.plain, "\u{0}carol\u{0}s")
            _ = exchange.loginAccepted()
            #expect(exchange.backendReplied(Reply(code, "x")) == .finished(outcome, Reply(code, "x")))
        }
        for reply in [Reply(250, "x"), Reply(354, "x"), Reply(334, "no base64!"), Reply(334, "AA==\nAA==")] {
            var (exchange, _) = begin(.plain, "\u{0}carol\u{0}s")
            _ = exchange.loginAccepted()
            #expect(exchange.backendReplied(reply) == .fault(.unexpectedReply(reply)))
        }
    }

    @Test func `a policy's refusal ends the exchange, cancelling at the backend where it has begun`() {
        var (exchange, _) = begin(.plain, "\u{0}carol\u{0}s")
        #expect(exchange.loginRefused(Reply(454, "later")) == .finished(.temporary, Reply(454, "later")))
        var (cram, _) = LoginExchange.begin(.cramMD5, .none)
        _ = cram.backendReplied(Reply(334, ""))
        _ = cram.clientResponded(base64(Self.digest))
        #expect(cram.loginRefused(Reply(535, "no")) == .cancel)
        #expect(cram.backendReplied(Reply(501, "x")) == .finished(.badCredentials, Reply(535, "no")))
    }

    @Test func `a long initial response waits for the backend's challenge`() {
        let long = String(repeating: "n", count: 250)
        let text = "\u{0}\(long)\u{0}\(String(repeating: "p", count: 200))"
        var (exchange, _) = begin(.plain, text)
        #expect(exchange.loginAccepted() == .send(.auth(.plain, initial: nil)))
        #expect(exchange.backendReplied(Reply(334, "")) == .send(.response(base64(text))))
    }
}
