import Bytes
import COpenSSL
import Glibc
import Reactor
import Testing

@testable import TLSTransport

@Suite("Handshakes between our server and our client")
struct HandshakeTests {
    let fixtures: Fixtures
    let conversation: Conversation

    init() throws {
        fixtures = try Fixtures.shared.get()
        conversation = try Conversation()
    }

    @Test("A session carries bytes both ways and ends with close_notify")
    func session() throws {
        try conversation.begin(
            fixtures.server(), fixtures.client(trusting: fixtures.main), peer: .name("mail.example.org"))
        let early = conversation.serverReads()
        #expect(early == .wouldBlock, "nothing is read around the handshake")
        let (client, server) = conversation.handshake()
        #expect(server.info?.version == .tls13)
        #expect(server.info?.serverName == "mail.example.org")
        #expect(server.info?.isResumed == false)
        #expect(server.info?.applicationProtocol == nil)
        #expect(server.info?.peerCertificate == nil)
        #expect(client.info?.peerCertificate?.isVerified == true)
        #expect(client.info?.peerCertificate?.subject == "CN=mail.example.org")
        #expect(client.info?.peerCertificate?.fingerprint.utf8.count == 64)

        #expect(conversation.clientSends("EHLO x\r\n") == .bytes(8))
        #expect(conversation.serverReads() == .bytes(8))
        #expect(conversation.serverReads() == .wouldBlock)
        #expect(conversation.serverSends("250 y\r\n") == .bytes(7))
        #expect(conversation.clientReads() == .bytes(7))
        conversation.client.close()
        #expect(conversation.serverReads() == .endOfStream)
        let descriptor = conversation.client.rawValue
        #expect(descriptor == -1)
        #expect(conversation.clientReads() == .failed(Transport.closed))
    }

    struct VersionCase: Sendable, CustomTestStringConvertible {
        let server: TLSVersion
        let client: ClosedRange<TLSVersion>
        let agreed: TLSVersion?
        var testDescription: String { "server \(server)+, client \(client)" }
    }

    @Test(
        "The server's minimum version holds",
        arguments: [
            VersionCase(server: .tls12, client: .tls12 ... .tls13, agreed: .tls13),
            VersionCase(server: .tls12, client: .tls12 ... .tls12, agreed: .tls12),
            VersionCase(server: .tls12, client: .tls10 ... .tls11, agreed: nil),
            VersionCase(server: .tls12, client: .tls10 ... .tls10, agreed: nil),
            VersionCase(server: .tls13, client: .tls12 ... .tls12, agreed: nil),
            VersionCase(server: .tls10, client: .tls10 ... .tls10, agreed: .tls10),
            VersionCase(server: .tls10, client: .tls10 ... .tls13, agreed: .tls13),
        ])
    func versions(_ versions: VersionCase) throws {
        var options = ServerTLSOptions()
        options.minimumVersion = versions.server
        let client = try fixtures.client(maximum: versions.client.upperBound, minimum: versions.client.lowerBound)
        try conversation.begin(fixtures.server(nil, options), client)
        let results = conversation.handshake()
        #expect(results.server.info?.version == versions.agreed)
        #expect(results.client.info?.version == versions.agreed)
        if versions.agreed == nil {
            #expect(results.server.failure == .version)
            #expect(results.client.failure == .version)
        }
    }

    @Test("TLS 1.2 is refused to a client without forward secrecy and AEAD")
    func ciphers() throws {
        let client = try fixtures.client(maximum: .tls12)
        #expect(SSL_CTX_set_cipher_list(client.pointer, "ECDHE-ECDSA-AES128-SHA256:AES128-GCM-SHA256") == 1)
        try conversation.begin(fixtures.server(), client)
        #expect(conversation.handshake().server.failure == .noSharedCipher)
    }

    struct ProtocolCase: Sendable {
        let offered: [String]
        let agreed: String?
        let refused: Bool
    }

    @Test(
        "ALPN: smtp is chosen, silence is served, any other list is turned away",
        arguments: [
            ProtocolCase(offered: [], agreed: nil, refused: false),
            ProtocolCase(offered: ["smtp"], agreed: "smtp", refused: false),
            ProtocolCase(offered: ["h2", "smtp"], agreed: "smtp", refused: false),
            ProtocolCase(offered: ["h2", "http/1.1"], agreed: nil, refused: true),
            ProtocolCase(offered: ["smt", "smtps", "SMTP"], agreed: nil, refused: true),
        ])
    func applicationProtocols(_ offer: ProtocolCase) throws {
        try conversation.begin(fixtures.server(), fixtures.client())
        let list = offer.offered.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        if !list.isEmpty { SSL_set_alpn_protos(conversation.client.ssl, list, UInt32(list.count)) }
        let (client, server) = conversation.handshake()
        #expect(server.info?.applicationProtocol == offer.agreed)
        #expect(client.info?.applicationProtocol == offer.agreed)
        #expect((server.failure == .applicationProtocol) == offer.refused)
        #expect((client.failure == .applicationProtocol) == offer.refused, "alert 120 arrived")
        #expect((server.info == nil) == offer.refused)
    }

    @Test(
        "SNI: the exact name, else one label before a wildcard, else the default certificate",
        arguments: [
            ("mx.example.net", "CN=mx.example.net"), ("MX.Example.NET", "CN=mx.example.net"),
            ("a.example.com", "CN=*.example.com"), ("a.b.example.com", "CN=mail.example.org"),
            ("example.com", "CN=mail.example.org"), ("unknown.test", "CN=mail.example.org"),
        ])
    func serverNames(name: String, subject: String) throws {
        let named = CertificateFiles(
            names: ["*.example.com"], chain: fixtures.wildcard.chain, key: fixtures.wildcard.key)
        let server = try fixtures.server([fixtures.main, fixtures.second, named])
        #expect(server.certificates.map(\.names) == [["mail.example.org"], ["mx.example.net"], ["*.example.com"]])
        try conversation.begin(server, fixtures.client(), peer: .name(name))
        let results = conversation.handshake()
        #expect(results.client.info?.peerCertificate?.subject == subject)
        #expect(results.client.info?.peerCertificate?.isVerified == false)
        #expect(results.server.info?.serverName == name)
    }

    @Test("A client without SNI gets the default certificate")
    func noServerName() throws {
        try conversation.begin(fixtures.server([fixtures.second, fixtures.main]), fixtures.client())
        let results = conversation.handshake()
        #expect(results.client.info?.peerCertificate?.subject == "CN=mx.example.net")
        #expect(results.server.info?.serverName == nil)
    }

    @Test("Plaintext where a ClientHello belongs fails the handshake and nothing can be read after it")
    func garbage() throws {
        try conversation.beginServer(fixtures.server())
        #expect(conversation.clientSends("EHLO injected.example\r\nMAIL FROM:<>\r\n") == .bytes(37))
        let result = conversation.server.handshake()
        #expect(result.failure == .notTLS)
        guard case .failed(let error) = conversation.serverReads() else {
            Issue.record("a broken transport was read")
            return
        }
        #expect(error.code == .connectionClosed)
    }

    @Test("A peer that leaves in the middle of the handshake is named as such")
    func leaves() throws {
        try conversation.begin(fixtures.server(), fixtures.client())
        _ = conversation.client.handshake()
        conversation.client.abort()
        conversation.tellBoth()
        var result = conversation.server.handshake()
        if result == .wouldBlock { result = conversation.server.handshake() }
        #expect(result.failure == .connectionClosed || result.failure == .connectionReset)
    }

    @Test("There is no proof of drained plaintext while plaintext waits, and TLS begins only once")
    func proof() throws {
        conversation.serverInput.append(Array("EHLO injected\r\n".utf8))
        #expect(throws: Conversation.NotDrained.self) { try conversation.beginServer(fixtures.server()) }
        conversation.serverInput.consume(100)
        try conversation.beginServer(fixtures.server())
        #expect(throws: TransportError.self) { try conversation.beginServer(fixtures.server()) }
    }

    @Test("A TLS 1.2 client that asks to renegotiate is refused")
    func renegotiation() throws {
        try conversation.begin(fixtures.server(), fixtures.client(maximum: .tls12))
        #expect(conversation.handshake().server.info?.version == .tls12)
        let ssl = conversation.client.ssl
        #expect(ssl != nil)
        #expect(SSL_renegotiate(ssl) == 1)
        #expect(SSL_do_handshake(ssl) != 1)
        let server = conversation.serverReads()
        ERR_clear_error()
        let code = SSL_do_handshake(ssl)
        #expect(code != 1)
        #expect(SSL_get_error(ssl, code) == SSL_ERROR_SSL)
        #expect(OpenSSLError.take().reason == SSL_R_NO_RENEGOTIATION)
        let renegotiations = SSL_ctrl(conversation.server.ssl, SSL_CTRL_GET_NUM_RENEGOTIATIONS, 0, nil)
        #expect(renegotiations == 0)
        #expect(server == .wouldBlock)
    }
}
