import FirewallPlan
import Glibc
import Reactor

/// One connection to the helper: whole requests in, whole replies out, in order.
final class HelperConversation: EventHandler {
    /// What the peer may ask, from the user that the kernel says it is.
    enum Right { case administrator, gateway }

    /// Replies that wait for a peer who does not read; beyond it he is cut off.
    private static let backlog = Frame.longest + 65536
    /// Records that wait; beyond it they are left out.
    private static let recordBacklog = 1 << 20
    /// A gateway's requests are small.
    private static let gatewayRequest = 4096

    private let socket: Socket
    private let right: Right
    private unowned let server: HelperServer
    private let loop: EventLoop
    private var registration: Registration?
    private var input: [UInt8] = []
    private var output: [UInt8] = []
    private var wantsRecords = false

    init(
        _ socket: consuming Socket, _ right: Right, of server: HelperServer, on loop: EventLoop
    ) throws(Errno) {
        (self.right, self.server, self.loop) = (right, server, loop)
        self.socket = socket
        registration = try loop.register(self.socket.rawValue, self)
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        flush()
        while registration != nil {
            guard let part = try? socket.receive(1 << 16) else { return end() }
            guard let octets = part.octets else { break }
            if octets.isEmpty { return end() }
            input += octets
            serve()
        }
    }

    /// A record of the log, for a peer who asked for them.
    func tell(_ attempt: Attempt) {
        guard wantsRecords, output.count < Self.recordBacklog else { return }
        send(.attempt(attempt))
    }

    private func end() {
        guard let registration else { return }
        loop.deregister(registration)
        self.registration = nil
        server.ended(self)
    }
}

// MARK: Requests

extension HelperConversation {
    private func serve() {
        var at = 0
        while registration != nil, input.count - at >= Frame.headerLength {
            let header = Array(input[at..<(at + Frame.headerLength)])
            let longest = right == .administrator ? Frame.longest : Self.gatewayRequest
            guard let length = Frame.bodyLength(header) else { return end() }
            guard length <= longest else {
                send(.refused(.init(.notPermitted, "this needs root")))
                return end()
            }
            let body = at + Frame.headerLength
            guard input.count - body >= length else { break }
            guard let request = try? HelperRequest(wire: Array(input[body..<(body + length)])) else {
                send(.refused(.init(.malformed, "these octets are no request of this version")))
                return end()
            }
            answer(request)
            at = body + length
        }
        input.removeFirst(at)
    }

    private func answer(_ request: HelperRequest) {
        guard request.isAllowed(for: right) else {
            return send(.refused(.init(.notPermitted, "this needs root")))
        }
        switch request {
        case .attempts:
            wantsRecords = true
            send(.done)
        case .listener(let purpose, let family):
            hand { () throws(HelperRefusal) in
                try server.sockets.listener(purpose, family, of: server.keeper.applied?.interception)
            }
        case .upstream(let client, let destination):
            hand { () throws(HelperRefusal) in
                try server.sockets.upstream(client, destination, of: server.keeper.applied?.interception)
            }
        default: send(server.answer(request))
        }
    }

    /// A socket goes beside its reply, so nothing may wait before it.
    private func hand(_ make: () throws(HelperRefusal) -> FileDescriptor) {
        do throws(HelperRefusal) {
            let descriptor = try make()
            guard output.isEmpty else { return end() }
            do throws(Errno) {
                try socket.send(Frame.encode(HelperReply.socket), with: descriptor)
            } catch {
                end()
            }
        } catch {
            send(.refused(error.refusal))
        }
    }

    private func send(_ reply: HelperReply) {
        output += Frame.encode(reply)
        flush()
        if output.count > Self.backlog { end() }
    }

    private func flush() {
        var sent = 0
        while sent < output.count {
            let count = output[sent...].withUnsafeBytes {
                Glibc.send(socket.rawValue, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { break }
            sent += count
        }
        output.removeFirst(sent)
    }
}

extension HelperRequest {
    fileprivate func isAllowed(for right: HelperConversation.Right) -> Bool {
        switch self {
        case .status, .counters, .offenders, .hosts, .ban, .listener, .upstream, .attempts: true
        case .check, .apply, .confirm, .off, .observe, .allow, .deny: right == .administrator
        // The gateway takes back its own bans and nothing else.
        case .forget(let set, _): right == .administrator || set == .banned
        }
    }
}

/// Why the helper hands out no socket.
struct HelperRefusal: Error {
    let refusal: HelperReply.Refusal

    init(_ code: HelperReply.Refusal.Code, _ message: String) {
        refusal = HelperReply.Refusal(code, message)
    }
}
