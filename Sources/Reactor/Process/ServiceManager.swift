import CLinux
import Glibc

/// The protocols of systemd: sd_notify(3) and sd_listen_fds(3), without its library.
public enum ServiceManager {
    /// A socket that the service manager opened for us.
    public struct Inherited: Sendable, Equatable {
        /// FileDescriptorName= of the socket unit, or the unit's name.
        public let name: String
        /// Ours to adopt: `Listener(adopting:)`.
        public let fd: Int32

        public init(name: String, fd: Int32) {
            self.name = name
            self.fd = fd
        }
    }

    /// Most descriptors taken from the environment.
    static let maximumInherited = 1024

    /// Sends `state` (`READY=1`, `RELOADING=1\nMONOTONIC_USEC=…`, `STOPPING=1`, `STATUS=…`); false without a manager or if it failed.
    @discardableResult
    public static func notify(_ state: String) -> Bool {
        guard let path = getenv("NOTIFY_SOCKET") else { return false }
        return send(state, to: String(cString: path))
    }

    /// The sockets passed to this process, if LISTEN_PID names it.
    public static func inheritedSockets() -> [Inherited] {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        return parse(
            pid: variable("LISTEN_PID"), count: variable("LISTEN_FDS"), names: variable("LISTEN_FDNAMES"),
            ownPID: getpid())
    }

    /// The meaning of the three variables; descriptors begin at 3.
    static func parse(pid: String?, count: String?, names: String?, ownPID: Int32) -> [Inherited] {
        guard let pid, Int32(pid) == ownPID, let count = count.flatMap({ Int32($0) }) else { return [] }
        guard count > 0, count <= maximumInherited else { return [] }
        let names = (names ?? "").split(separator: ":", omittingEmptySubsequences: false)
        return (0..<count).map { i in
            let name = Int(i) < names.count ? String(names[Int(i)]) : ""
            return Inherited(name: name.isEmpty ? "unknown" : name, fd: 3 + i)
        }
    }

    static func send(_ state: String, to path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        // A leading @ stands for the NUL of an abstract socket.
        if bytes[0] == 0x40 { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let fd = FileDescriptor(owning: reeve_socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue)))
        guard fd.rawValue >= 0 else { return false }
        let text = Array(state.utf8)
        let sent = withUnsafeBytes(of: &address) { raw in
            raw.withMemoryRebound(to: sockaddr.self) {
                sendto(fd.rawValue, text, text.count, Int32(MSG_NOSIGNAL), $0.baseAddress, length)
            }
        }
        return sent == text.count
    }
}
