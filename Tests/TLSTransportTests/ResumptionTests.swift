import COpenSSL
import Reactor
import Testing

@testable import TLSTransport

@Suite("Session tickets")
struct ResumptionTests {
    let fixtures: Fixtures

    init() throws {
        fixtures = try Fixtures.shared.get()
    }

    /// A whole session; returns whether it was resumed and what the next can resume.
    private func visit(
        _ server: ServerTLSContext, _ client: ClientTLSContext, _ session: TLSSession? = nil,
        name: String = "mail.example.org"
    ) throws -> (resumed: Bool, session: TLSSession?) {
        let conversation = try Conversation()
        try conversation.begin(server, client, peer: .name(name), resuming: session)
        let results = conversation.handshake()
        let resumed = try #require(results.server.info).isResumed
        #expect(results.client.info?.isResumed == resumed)
        // A TLS 1.3 ticket is read with the first bytes.
        _ = conversation.serverSends("220 x\r\n")
        _ = conversation.clientReads()
        return (resumed, conversation.client.session())
    }

    @Test(
        "A client resumes on any worker of its listener and on no other listener",
        arguments: [TLSVersion.tls12, .tls13])
    func perListener(version: TLSVersion) throws {
        let (keys, otherKeys) = (try TicketKeys(), try TicketKeys())
        let client = try fixtures.client(maximum: version)
        let first = try visit(fixtures.server(keys: keys), client)
        #expect(!first.resumed)
        let session = try #require(first.session)
        let otherWorker = try visit(fixtures.server(keys: keys), client, session)
        #expect(otherWorker.resumed)
        let otherListener = try visit(fixtures.server(keys: otherKeys), client, session)
        #expect(!otherListener.resumed)
    }

    @Test("A ticket outlives one rotation of the keys and not two", arguments: [TLSVersion.tls12, .tls13])
    func rotation(version: TLSVersion) throws {
        let keys = try TicketKeys()
        let (server, client) = (try fixtures.server(keys: keys), try fixtures.client(maximum: version))
        let session = try #require(try visit(server, client).session)
        try keys.rotate()
        let afterOne = try visit(server, client, session)
        #expect(afterOne.resumed)
        try keys.rotate()
        let afterTwo = try visit(server, client, session)
        #expect(!afterTwo.resumed)
        let renewed = try visit(server, client, afterOne.session)
        #expect(renewed.resumed, "the ticket was renewed under the key of its time")
    }

    @Test("A client of a certificate that SNI chose resumes too")
    func bySNI() throws {
        let server = try fixtures.server([fixtures.main, fixtures.second])
        let client = try fixtures.client()
        let first = try visit(server, client, name: "mx.example.net")
        let again = try visit(server, client, first.session, name: "mx.example.net")
        #expect(again.resumed)
    }

    @Test("A session that was not verified for this name by this client is not resumed")
    func verifiedOnly() throws {
        let server = try fixtures.server()
        let (careless, strict) = (try fixtures.client(), try fixtures.client(trusting: fixtures.main))
        let unverified = try visit(server, careless)
        let first = try visit(server, strict, unverified.session)
        #expect(!first.resumed)
        let again = try visit(server, strict, first.session)
        #expect(again.resumed)
        let conversation = try Conversation()
        try conversation.begin(server, strict, peer: .name("other.example.org"), resuming: first.session)
        #expect(conversation.handshake().client.failure == .verification)
    }

    @Test("One handshake gives one ticket")
    func oneTicket() throws {
        let client = try fixtures.client()
        reeve_ctx_set_cache_mode(client.pointer, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        ticketsSeen.withLock { $0 = 0 }
        SSL_CTX_sess_set_new_cb(client.pointer) { _, _ in
            ticketsSeen.withLock { $0 += 1 }
            return 0
        }
        _ = try visit(fixtures.server(), client)
        #expect(ticketsSeen.withLock { $0 } == 1)
    }

    @Test("A server that gives tickets on grant gives one to whom it is granted, and none to others")
    func ticketOnGrant() throws {
        var options = ServerTLSOptions()
        options.ticketsOnGrant = true
        let (server, client) = (try fixtures.server(nil, options), try fixtures.client())
        for isGranted in [false, true] {
            let conversation = try Conversation()
            try conversation.begin(server, client)
            _ = conversation.handshake()
            if isGranted { conversation.server.grantTicket() }
            #expect(conversation.serverSends("250 ok\r\n") == .bytes(8))
            #expect(conversation.clientReads() == .bytes(8))
            #expect((conversation.client.session() != nil) == isGranted)
        }
    }
}

private let ticketsSeen = Locked(0)
