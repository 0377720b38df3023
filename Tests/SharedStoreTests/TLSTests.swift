import Foundation
import SharedStore
import TLSTransport
import Testing
import Throttle

/// A real server that speaks TLS only.
@Suite(.serialized, .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct TLSTests {
    private struct Secured {
        let server: RedisServer
        let ca: String
    }

    private static func secured(_ names: [String]) throws -> Secured {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("redis-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let files = try ThrowawayCertificate(names: names).write(to: folder.path, name: "redis")
        let options = [
            "--tls-cert-file", files.chain, "--tls-key-file", files.key, "--tls-ca-cert-file", files.chain,
            "--tls-auth-clients", "no",
        ]
        let server = try RedisServer(tls: (port: try RedisServer.freePort(), options: options))
        return Secured(server: server, ca: files.chain)
    }

    private static func bench(_ port: UInt16, ca: String?, name: String? = nil, verify: Bool = true) throws
        -> StoreBench
    {
        var options = ClientTLSOptions()
        options.ca = ca
        options.verify = verify
        var settings = StoreBench.settings(port)
        settings.tls = StoreTLS(try ClientTLSContext(options), name: name)
        return try StoreBench(settings)
    }

    private static func detail(_ bench: StoreBench) -> String? {
        bench.until { bench.standing != nil }
        if case .lost(_, let detail) = bench.standing { return detail }
        return nil
    }

    @Test func `limits are charged under TLS, with the address or the name in the certificate`() throws {
        let secured = try Self.secured(["redis.example.org", "127.0.0.1"])
        for name in [nil, "redis.example.org"] {
            let bench = try Self.bench(secured.server.port, ca: secured.ca, name: name)
            try #require(bench.isUp())
            let charges = try (0..<50).map { _ in
                try bench.begin(.charge([Sample.charge("tls\(name ?? "")", Sample.rate(1, burst: 20))])).get()
            }
            try #require(bench.until { charges.allSatisfy { bench.answers[$0] != nil } })
            #expect(charges.filter { bench.answers[$0]?.receipts != nil }.count == 20)
        }
    }

    @Test func `a certificate that is made out to another, or by nobody we trust, is refused`() throws {
        let secured = try Self.secured(["redis.example.org", "127.0.0.1"])
        let stranger = try Self.bench(secured.server.port, ca: secured.ca, name: "other.example.org")
        #expect(Self.detail(stranger)?.contains("tls_verify") == true)
        let untrusted = try Self.bench(secured.server.port, ca: nil)
        #expect(Self.detail(untrusted)?.contains("tls_verify") == true)
        #expect(try Self.bench(secured.server.port, ca: nil, verify: false).isUp())
    }

    @Test func `TLS to a server that speaks none is said, and the reverse`() throws {
        let plain = try RedisServer()
        let mistaken = try Self.bench(plain.port, ca: nil, verify: false)
        #expect(Self.detail(mistaken)?.contains("does it speak TLS") == true)
        let secured = try Self.secured(["127.0.0.1"])
        let bench = try StoreBench(secured.server)
        #expect(Self.detail(bench) != nil)
    }
}
