import Bytes
import Configuration
import Glibc
import SharedStore
import TLSTransport

// From `state.store` to what the shared store's connections are made with.

extension StoreSettings {
    /// Octets of the longest password file that is read.
    private static var longestPassword: Int { 4096 }

    /// Reads the password's file and makes the TLS context, while the process may still do both.
    init(_ plan: RedisPlan) throws(StartFailure) {
        let servers = plan.servers.map { server in
            switch server.host {
            case .address(let address): StoreServer(host: address.description, port: server.port)
            case .name(let name): StoreServer(host: name, port: server.port)
            }
        }
        self.init(
            servers: servers, database: plan.database, user: plan.user, password: try Self.password(plan.password),
            tls: try Self.tls(plan.tls), lookUp: HostLookup.addresses(of:))
    }

    private static func password(_ password: RedisPlan.Password?) throws(StartFailure) -> StorePassword? {
        switch password {
        case nil: nil
        case .given(let secret): StorePassword(secret.octets)
        case .file(let path): StorePassword(try firstLine(of: path.path))
        }
    }

    private static func firstLine(of path: String) throws(StartFailure) -> [UInt8] {
        guard let file = fopen(path, "re") else {
            throw .message("state.password_file: cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var octets = [UInt8](repeating: 0, count: longestPassword)
        octets.removeLast(octets.count - fread(&octets, 1, octets.count, file))
        let line = Array(octets.prefix { $0 != 0x0A && $0 != 0x0D })
        guard !line.isEmpty else { throw .message("state.password_file: the first line of \(path) is empty") }
        return line
    }

    private static func tls(_ plan: RedisPlan.TLS?) throws(StartFailure) -> StoreTLS? {
        guard let plan else { return nil }
        var options = ClientTLSOptions()
        options.ca = plan.ca?.path
        do throws(TransportError) {
            return StoreTLS(try ClientTLSContext(options), name: plan.name)
        } catch {
            throw .message("state.ca: \(error.detail)")
        }
    }
}
