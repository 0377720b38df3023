import Glibc

/// The syslog daemon's datagram socket (RFC 3164), facility mail: one datagram a line.
///
/// A daemon that is away or stuck loses lines (they are counted), never more than a second of the writer's time a batch.
final class SyslogSink: LogSink {
    private let path: String
    private let prefix: SyslogPrefix
    private var descriptor: Int32 = -1
    private static let flags = Int32(truncatingIfNeeded: Int(MSG_NOSIGNAL))

    init(path: String, prefix: SyslogPrefix) {
        self.path = path
        self.prefix = prefix
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func frame(_ line: borrowing LogLine, at time: WallTime, into buffer: inout [UInt8]) {
        buffer += "<\(line.severity.mailPriority)>".utf8
        buffer += prefix.text(at: time, withHost: false)
        line.end(into: &buffer)
    }

    func write(_ buffer: [UInt8]) -> Int {
        var sent = 0
        for line in buffer.split(separator: 0x0A) {
            guard send(line) == 0 else { break }
            sent += 1
        }
        return sent
    }

    func reopen() -> Bool {
        disconnect()
        return true
    }

    /// 0 or the error; a daemon that was restarted is looked up once more.
    private func send(_ line: ArraySlice<UInt8>) -> Int32 {
        var error: Int32 = 0
        for _ in 0..<2 {
            guard descriptor >= 0 || connect() else { return errno }
            let count = line.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Self.flags) }
            if count >= 0 { return 0 }
            error = errno
            if error == EMSGSIZE || error == EAGAIN { return error }
            if error != EINTR { disconnect() }
        }
        return error
    }

    private func connect() -> Bool {
        guard var address = Self.address(path) else {
            errno = ENAMETOOLONG
            return false
        }
        let fresh = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard fresh >= 0 else { return false }
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(fresh, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafeBytes(of: &address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { Glibc.connect(fresh, $0.baseAddress, socklen_t(bytes.count)) }
        }
        guard result == 0 else {
            let error = errno
            close(fresh)
            errno = error
            return false
        }
        descriptor = fresh
        return true
    }

    private func disconnect() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    private static func address(_ path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { room in
            guard path.utf8.count < room.count else { return false }
            room.copyBytes(from: path.utf8)
            return true
        }
        return fits ? address : nil
    }
}
