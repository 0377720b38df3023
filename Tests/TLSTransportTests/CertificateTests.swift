import Bytes
import COpenSSL
import Glibc
import Reactor
import Testing

@testable import TLSTransport

@Suite("Certificates and their verification")
struct CertificateTests {
    let fixtures: Fixtures
    let conversation: Conversation

    init() throws {
        fixtures = try Fixtures.shared.get()
        conversation = try Conversation()
    }

    private func code(_ body: () throws -> Void) -> TransportError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? TransportError)?.code
        }
    }

    @Test("A key that is not the certificate's is found when the context is made")
    func mismatch() throws {
        let crossed = CertificateFiles(chain: fixtures.main.chain, key: fixtures.second.key)
        #expect(code { _ = try fixtures.server([crossed]) } == .keyMismatch)
        do {
            _ = try fixtures.server([crossed])
        } catch let error as TransportError {
            #expect(error.fault == .operator)
            #expect(error.detail.contains(crossed.chain) && error.detail.contains(crossed.key))
        }
    }

    @Test("Files that are missing or hold something else are named for what they are")
    func unreadable() throws {
        let missing = CertificateFiles(chain: fixtures.directory + "/none.pem", key: fixtures.main.key)
        let noKey = CertificateFiles(chain: fixtures.main.chain, key: fixtures.main.chain)
        var options = ServerTLSOptions()
        options.clientCertificates = .require(ca: fixtures.main.key)
        #expect(code { _ = try fixtures.server([]) } == .noCertificate)
        #expect(code { _ = try fixtures.server([missing]) } == .certificateUnreadable)
        #expect(code { _ = try fixtures.server([noKey]) } == .keyUnreadable)
        #expect(code { _ = try fixtures.server(nil, options) } == .clientCAUnreadable)
        #expect(code { _ = try fixtures.client(trusting: missing) } == .clientCAUnreadable)
    }

    @Test("An expired certificate is served and reported")
    func expired() throws {
        let now = Int64(time(nil))
        let server = try fixtures.server([fixtures.expired, fixtures.main])
        #expect(server.certificates.map { $0.isExpired(at: now) } == [true, false])
        #expect(server.certificates[1].notAfter > now + 29 * 86400)
    }

    struct Verification: Sendable {
        let shown: Fixtures.Name
        let trusted: Fixtures.Name
        let peer: ExpectedPeer
        let succeeds: Bool
    }

    @Test(
        "A verifying client accepts the trusted, named, unexpired certificate and no other",
        arguments: [
            Verification(shown: .main, trusted: .main, peer: .name("mail.example.org"), succeeds: true),
            Verification(shown: .main, trusted: .main, peer: .address(IPAddress(v4: 0x7F00_0001)), succeeds: true),
            Verification(shown: .main, trusted: .main, peer: .address(IPAddress(v4: 0x7F00_0002)), succeeds: false),
            Verification(shown: .main, trusted: .main, peer: .name("127.0.0.1"), succeeds: true),
            Verification(shown: .main, trusted: .main, peer: .name("other.example.org"), succeeds: false),
            Verification(shown: .main, trusted: .second, peer: .name("mail.example.org"), succeeds: false),
            Verification(shown: .expired, trusted: .expired, peer: .name("old.example.org"), succeeds: false),
            Verification(shown: .wildcard, trusted: .wildcard, peer: .name("a.example.com"), succeeds: true),
            Verification(shown: .wildcard, trusted: .wildcard, peer: .name("a.b.example.com"), succeeds: false),
        ])
    func verification(_ expected: Verification) throws {
        try conversation.begin(
            fixtures.server([fixtures[expected.shown]]),
            fixtures.client(trusting: fixtures[expected.trusted]), peer: expected.peer)
        let results = conversation.handshake()
        #expect(results.client.info?.peerCertificate?.isVerified == (expected.succeeds ? true : nil))
        #expect(results.client.failure == (expected.succeeds ? nil : .verification))
    }

    @Test("A client that verifies must be told whom to expect")
    func noName() throws {
        #expect(
            code { try conversation.begin(fixtures.server(), fixtures.client(trusting: fixtures.main)) } == .invalidName
        )
    }

    enum Asked: Sendable, CaseIterable { case none, request, require }
    enum Shown: Sendable, CaseIterable { case none, good, stranger }

    @Test("Client certificates are ignored, asked for or required", arguments: Asked.allCases, Shown.allCases)
    func clientCertificates(asked: Asked, shown: Shown) throws {
        var options = ServerTLSOptions()
        switch asked {
        case .none: break
        case .request: options.clientCertificates = .request(ca: fixtures.second.chain)
        case .require: options.clientCertificates = .require(ca: fixtures.second.chain)
        }
        let certificate = shown == .none ? nil : shown == .good ? fixtures.second : fixtures.wildcard
        try conversation.begin(fixtures.server(nil, options), fixtures.client(showing: certificate))
        let server = conversation.handshake().server
        switch (asked, shown) {
        case (.none, _), (.request, .none):
            #expect(server.info != nil && server.info?.peerCertificate == nil)
        case (.request, .good), (.require, .good):
            #expect(server.info?.peerCertificate?.isVerified == true)
            #expect(server.info?.peerCertificate?.subject == "CN=mx.example.net")
        case (.request, .stranger):
            #expect(server.info?.peerCertificate?.isVerified == false)
        case (.require, .none):
            #expect(server.failure == .noClientCertificate)
        case (.require, .stranger):
            #expect(server.failure == .verification)
        }
    }

    @Test("A minted key is readable by its owner only, and odd names are refused")
    func minted() throws {
        var status = stat()
        stat(fixtures.main.key, &status)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(code { _ = try ThrowawayCertificate(names: ["a,IP:1.2.3.4"]) } == .invalidName)
        #expect(code { _ = try ThrowawayCertificate(names: []) } == .invalidName)
    }

    @Test("Peer text is bounded printable ASCII")
    func text() {
        #expect(printable("a\r\nb\u{1B}é", limit: 300) == "a??b???")
        #expect(printable(String(repeating: "x", count: 900), limit: 300).utf8.count == 300)
    }
}
