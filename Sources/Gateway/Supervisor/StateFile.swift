import Glibc
import Reactor
import Telemetry
import Throttle

/// The file in which buckets, bans and good logins outlive the process.
///
/// It is written to a name beside it and renamed, so that a reader finds the old state or the new one, never half of
/// one. What cannot be read is said and set aside, never overwritten: the process begins with nothing.
final class StateFile: Sendable {
    /// Octets that are read at most.
    private static let longest = 1 << 30

    let path: String
    /// Whether the last attempt failed: only a change is worth a line.
    private let isFailing = Locked(false)

    init(path: String) {
        self.path = path
    }

    /// Where the state is kept if the configuration does not say.
    static var standardPath: String? {
        // With several directories systemd separates them by colons.
        guard let directories = getenv("STATE_DIRECTORY") else { return nil }
        return String(cString: directories).split(separator: ":").first.map { "\($0)/limits.state" }
    }

    /// What the last process left; a word on what stands in the way.
    func load() -> (snapshot: StateSnapshot?, complaint: String?) {
        let octets: [UInt8]
        do throws(Errno) {
            octets = try read()
        } catch .notFound {
            return (nil, nil)
        } catch {
            return (nil, "\(path): cannot read the state: \(error). Limits and bans begin anew.")
        }
        do throws(StateFault) {
            return (try StateSnapshot(octets: octets), nil)
        } catch {
            let aside = "\(path).damaged"
            let place = rename(path, aside) == 0 ? "It is \(aside) now. " : ""
            return (nil, "\(path): \(error). \(place)Limits and bans begin anew.")
        }
    }

    /// Writes the state; a word when it cannot be written any more, and when it can again.
    func save(_ snapshot: StateSnapshot) -> String? {
        do throws(Errno) {
            try write(snapshot.octets)
            return isFailing.withLock { isFailing in
                defer { isFailing = false }
                return isFailing ? "\(path): the state is written again" : nil
            }
        } catch {
            return isFailing.withLock { isFailing in
                defer { isFailing = true }
                return isFailing
                    ? nil : "\(path): cannot write the state: \(error). A restart would forget limits and bans."
            }
        }
    }

    private func read() throws(Errno) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Errno(errno) }
        defer { close(descriptor) }
        var octets: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while octets.count <= Self.longest {
            let count = Glibc.read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Errno(errno) }
            if count == 0 { return octets }
            octets += block[..<count]
        }
        throw Errno(EFBIG)
    }

    private func write(_ octets: [UInt8]) throws(Errno) {
        let new = "\(path).new"
        let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Errno(errno) }
        defer { close(descriptor) }
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Errno(errno) }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0, rename(new, path) == 0 else { throw Errno(errno) }
    }
}
