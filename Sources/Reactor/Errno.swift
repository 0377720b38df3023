import CLinux
import Glibc

/// Why the kernel refused: an errno value that prints as its symbolic name and text.
public struct Errno: Error, Hashable, Sendable, CustomStringConvertible {
    public let code: Int32

    public init(_ code: Int32) {
        self.code = code
    }

    /// What the last failed call of this thread left behind.
    public static var last: Errno { Errno(errno) }

    /// `EADDRINUSE`, or `E1234` for a value the C library does not know.
    public var name: String {
        guard let name = reeve_errno_name(code) else { return "E\(code)" }
        return String(cString: name)
    }

    /// `Address already in use (EADDRINUSE)`.
    public var description: String {
        guard let text = reeve_errno_text(code) else { return "error \(code)" }
        return "\(String(cString: text)) (\(name))"
    }

    /// The process or the system has no descriptor left: a listener waits with a timer before it accepts again.
    public var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }

    public static let addressInUse = Errno(EADDRINUSE)
    public static let connectionReset = Errno(ECONNRESET)
    public static let connectionRefused = Errno(ECONNREFUSED)
    public static let brokenPipe = Errno(EPIPE)
    public static let badDescriptor = Errno(EBADF)
    public static let invalid = Errno(EINVAL)
    /// The machine does not speak this address family (IPv6 is switched off).
    public static let noSuchFamily = Errno(EAFNOSUPPORT)
    public static let notFound = Errno(ENOENT)
    public static let nameTooLong = Errno(ENAMETOOLONG)

    /// Nothing to do now: the next edge will tell.
    static func isTransient(_ code: Int32) -> Bool { code == EAGAIN || code == EWOULDBLOCK }
}

/// Calls again while a signal interrupts, and turns -1 into the errno it stands for.
@inline(__always)
func retrying(_ call: () -> Int32) throws(Errno) -> Int32 {
    while true {
        let result = call()
        if result >= 0 { return result }
        guard errno == EINTR else { throw .last }
    }
}
