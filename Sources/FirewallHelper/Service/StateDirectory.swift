import FirewallPlan
import Glibc
import Reactor

/// The helper's files: a file is replaced whole or not at all, and a damaged one is put aside, not trusted.
struct StateDirectory {
    let path: String

    enum File: String {
        /// The last confirmed deployment.
        case plan = "confirmed.plan"
        /// There while a change waits for its confirmation.
        case pending = "unconfirmed"
        case allowed = "allowed.hosts"
        case denied = "denied.hosts"
        case offenders = "offenders.list"
    }

    /// nil when there is none or it was damaged; the damaged one gets the suffix `.damaged`.
    func read<Value: WireCodable>(_ file: File, as: Value.Type = Value.self) -> Value? {
        guard let octets = contents(file) else { return nil }
        do throws(WireError) {
            return try Value(wire: octets)
        } catch {
            _ = rename(name(file), name(file) + ".damaged")
            return nil
        }
    }

    /// Writes beside the file, makes it durable, then takes its name.
    func write(_ file: File, _ value: some WireCodable) throws(Errno) {
        try makeDirectory()
        let temporary = name(file) + ".new"
        let descriptor = FileDescriptor(owning: open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600))
        guard descriptor.rawValue >= 0 else { throw .last }
        let octets = value.wire
        var written = 0
        while written < octets.count {
            let count = octets[written...].withUnsafeBytes {
                Glibc.write(descriptor.rawValue, $0.baseAddress, $0.count)
            }
            guard count > 0 else { throw .last }
            written += count
        }
        guard fsync(descriptor.rawValue) == 0, rename(temporary, name(file)) == 0 else { throw .last }
    }

    func remove(_ file: File) {
        _ = unlink(name(file))
    }

    private func name(_ file: File) -> String { "\(path)/\(file.rawValue)" }

    private func makeDirectory() throws(Errno) {
        guard mkdir(path, 0o700) != 0, errno != EEXIST else { return }
        // One level above, as on a machine where nothing of ours ran yet.
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        _ = mkdir("/" + parent, 0o755)
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .last }
    }

    private func contents(_ file: File) -> [UInt8]? {
        let descriptor = FileDescriptor(owning: open(name(file), O_RDONLY | O_CLOEXEC))
        guard descriptor.rawValue >= 0 else { return nil }
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while octets.count <= Frame.longest {
            let count = Glibc.read(descriptor.rawValue, &chunk, chunk.count)
            guard count >= 0 else { return nil }
            if count == 0 { return octets }
            octets += chunk[..<count]
        }
        return nil
    }
}
