public import FirewallPlan
import Glibc
public import Reactor

/// Why a question to the running helper got no answer.
public enum HelperClientError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nobody listens on the socket.
    case absent
    /// The helper does not talk to this user.
    case notPermitted
    /// It was there and went away, or sent no reply.
    case broken
    case socket(Errno)

    public var description: String {
        switch self {
        case .absent: "portreeve-firewall is not running"
        case .notPermitted: "portreeve-firewall does not take requests of this user"
        case .broken: "portreeve-firewall ended the conversation without an answer"
        case .socket(let error): "portreeve-firewall's socket: \(error)"
        }
    }
}

/// One question to the running helper, from a command: it waits for the answer.
public enum HelperClient {
    /// A plan of 100,000 hosts takes the kernel less than a second; this is for a helper that hangs.
    private static let patience: Int32 = 30_000

    public static func ask(
        _ request: HelperRequest, socketPath: String = HelperPaths.socket
    ) throws(HelperClientError) -> HelperReply {
        do throws(Errno) {
            let socket = try Socket.connect(toPath: socketPath)
            do throws(Errno) {
                try send(Frame.encode(request), on: socket)
            } catch  where [EPIPE, ECONNRESET].contains(error.code) {
                // It has heard enough, and may have said why before it closed.
            }
            let header = try receive(Frame.headerLength, on: socket)
            guard let length = Frame.bodyLength(header) else { throw .invalid }
            guard let reply = try? HelperReply(wire: receive(length, on: socket)) else { throw .invalid }
            return reply
        } catch {
            throw switch error.code {
            case ENOENT, ECONNREFUSED: .absent
            case EACCES, EPERM: .notPermitted
            case EPIPE, ECONNRESET, EINVAL, ETIMEDOUT: .broken
            default: .socket(error)
            }
        }
    }

    private static func send(_ octets: [UInt8], on socket: borrowing Socket) throws(Errno) {
        var sent = 0
        while sent < octets.count {
            let count = octets[sent...].withUnsafeBytes {
                Glibc.send(socket.rawValue, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 { sent += count } else { try wait(for: Int16(POLLOUT), on: socket) }
        }
    }

    private static func receive(_ wanted: Int, on socket: borrowing Socket) throws(Errno) -> [UInt8] {
        var octets: [UInt8] = []
        while octets.count < wanted {
            let part = try socket.receive(min(wanted - octets.count, 1 << 16))
            guard let more = part.octets else {
                try wait(for: Int16(POLLIN), on: socket)
                continue
            }
            guard !more.isEmpty else { throw .connectionReset }
            octets += more
        }
        return octets
    }

    /// After a call that would block; throws what stopped it otherwise.
    private static func wait(for event: Int16, on socket: borrowing Socket) throws(Errno) {
        guard errno == EAGAIN || errno == EINTR else { throw .last }
        var item = pollfd(fd: socket.rawValue, events: event, revents: 0)
        guard poll(&item, 1, patience) > 0 else { throw Errno(ETIMEDOUT) }
    }
}
