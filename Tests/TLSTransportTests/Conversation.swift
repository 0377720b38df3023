import Bytes
import COpenSSL
import Glibc
import Reactor
import Testing

@testable import TLSTransport

/// Our server and our client on a socket pair, driven step by step in one thread.
final class Conversation {
    var client: Transport
    var server: Transport
    var clientInput: InputBuffer
    var serverInput: InputBuffer
    var clientOutput: OutputBuffer
    var serverOutput: OutputBuffer

    init(pool: BufferPool = BufferPool()) throws {
        Signals.ignoreBrokenPipe()
        let (left, right) = try Socket.pair()
        client = Transport(Socket(FileDescriptor(owning: left)))
        server = Transport(Socket(FileDescriptor(owning: right)))
        clientInput = InputBuffer(pool: pool)
        serverInput = InputBuffer(pool: pool)
        clientOutput = OutputBuffer(pool: pool)
        serverOutput = OutputBuffer(pool: pool)
    }

    func begin(
        _ serverContext: ServerTLSContext, _ clientContext: ClientTLSContext, peer: ExpectedPeer? = nil,
        resuming session: TLSSession? = nil
    ) throws {
        try beginServer(serverContext)
        guard let drained = clientInput.plaintextDrained() else { throw NotDrained() }
        try client.startTLS(drained, client: clientContext, peer: peer, resuming: session)
    }

    func beginServer(_ context: ServerTLSContext) throws {
        guard let drained = serverInput.plaintextDrained() else { throw NotDrained() }
        try server.startTLS(drained, server: context)
    }

    struct NotDrained: Error {}

    /// Both sides in turn until each is done or has failed, or neither moves.
    func handshake() -> (client: HandshakeResult, server: HandshakeResult) {
        var results = (client: HandshakeResult.wouldBlock, server: HandshakeResult.wouldBlock)
        for _ in 0..<10 {
            tellBoth()
            if results.client == .wouldBlock { results.client = client.handshake() }
            if results.server == .wouldBlock { results.server = server.handshake() }
        }
        return results
    }

    /// As if every event had arrived.
    func tellBoth() {
        client.ready([.readable, .writable])
        server.ready([.readable, .writable])
    }

    func clientSends(_ text: StaticString) -> IOResult<TransportError> {
        clientOutput.append(text)
        tellBoth()
        return client.write(from: &clientOutput)
    }

    func serverSends(_ text: StaticString) -> IOResult<TransportError> {
        serverOutput.append(text)
        tellBoth()
        return server.write(from: &serverOutput)
    }

    func serverReads() -> IOResult<TransportError> {
        tellBoth()
        return server.read(into: &serverInput)
    }

    func clientReads() -> IOResult<TransportError> {
        tellBoth()
        return client.read(into: &clientInput)
    }
}

extension HandshakeResult {
    var info: TLSInfo? {
        if case .done(let info) = self { info } else { nil }
    }

    var failure: TransportError.Code? {
        if case .failed(let error) = self { error.code } else { nil }
    }
}

/// Certificates on disk, made once for all tests.
final class Fixtures: Sendable {
    static let shared = Result { try Fixtures() }

    let directory: String
    let main: CertificateFiles
    let second: CertificateFiles
    let wildcard: CertificateFiles
    let expired: CertificateFiles

    enum Name: Sendable { case main, second, wildcard, expired }

    subscript(name: Name) -> CertificateFiles {
        switch name {
        case .main: main
        case .second: second
        case .wildcard: wildcard
        case .expired: expired
        }
    }

    /// The files go with the process.
    private func removeAtExit() {
        atexit {
            guard let directory = try? Fixtures.shared.get().directory else { return }
            for name in ["main", "second", "wildcard", "expired"] {
                unlink("\(directory)/\(name).pem")
                unlink("\(directory)/\(name).key")
            }
            rmdir(directory)
        }
    }

    init() throws {
        var template = Array("/tmp/portreeve-tls-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno.last }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        main = try Self.mint(directory, "main", ["mail.example.org", "127.0.0.1"])
        second = try Self.mint(directory, "second", ["mx.example.net"])
        wildcard = try Self.mint(directory, "wildcard", ["*.example.com"])
        expired = try Self.mint(directory, "expired", ["old.example.org"], days: -1)
        removeAtExit()
    }

    private static func mint(
        _ directory: String, _ name: String, _ names: [String], days: Int = 30
    ) throws -> CertificateFiles {
        try ThrowawayCertificate(names: names, days: days).write(to: directory, name: name)
    }

    func server(
        _ certificates: [CertificateFiles]? = nil, _ options: ServerTLSOptions = ServerTLSOptions(),
        keys: TicketKeys? = nil
    ) throws -> ServerTLSContext {
        try ServerTLSContext(
            certificates: certificates ?? [main], options: options, ticketKeys: try keys ?? TicketKeys())
    }

    /// A client that trusts `ca`, or one that verifies nothing.
    func client(
        trusting ca: CertificateFiles? = nil, maximum: TLSVersion = .tls13, minimum: TLSVersion = .tls12,
        showing certificate: CertificateFiles? = nil
    ) throws -> ClientTLSContext {
        var options = ClientTLSOptions()
        options.minimumVersion = minimum
        options.verify = ca != nil
        options.ca = ca?.chain
        options.certificate = certificate
        let context = try ClientTLSContext(options)
        _ = reeve_ctx_set_max_version(context.pointer, maximum.rawValue)
        return context
    }
}
