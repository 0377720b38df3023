import Bytes
public import Control
import Foundation
public import Reactor

/// Why a daemon could not be asked.
public enum ControlClientError: Error, Sendable, CustomStringConvertible {
    /// Nobody listens on the socket, or it may not be used.
    case unreachable(path: String, Errno)
    case noAnswer(path: String)
    case malformedAnswer(path: String)

    public var description: String {
        switch self {
        case .unreachable(let path, .notFound): "no daemon runs here: \(path) does not exist"
        case .unreachable(let path, .connectionRefused): "no daemon runs here: nobody listens on \(path)"
        case .unreachable(let path, let error): "\(path): \(error)"
        case .noAnswer(let path): "\(path): the daemon did not answer"
        case .malformedAnswer(let path): "\(path): the answer cannot be read; is the daemon of another version?"
        }
    }
}

/// The asking side of the control socket: connects, sends one line, reads to the end.
public enum ControlClient {
    /// Octets; a status of thousands of listeners stays below.
    static let longestAnswer = 16 << 20

    /// `patience` is nanoseconds for the whole exchange; a reload checks every file before it answers.
    public static func ask(
        _ request: ControlRequest, at path: String, patience: UInt64 = 60_000_000_000
    ) throws(ControlClientError) -> ControlReply {
        let answer: [UInt8]
        do throws(Errno) {
            answer = try exchange(request.line, at: path, deadline: .current() + patience)
        } catch {
            throw .unreachable(path: path, error)
        }
        guard !answer.isEmpty else { throw .noAnswer(path: path) }
        guard let reply = try? JSONDecoder().decode(ControlReply.self, from: Data(answer)) else {
            throw .malformedAnswer(path: path)
        }
        return reply
    }

    /// What was answered until the end of the stream; empty if that did not come in time.
    private static func exchange(
        _ line: [UInt8], at path: String, deadline: Instant
    ) throws(Errno) -> [UInt8] {
        let loop = try EventLoop()
        let socket = try Socket.connect(toPath: path)
        let registration = try loop.register(socket.rawValue, Nobody())
        defer { loop.deregister(registration) }
        let pool = BufferPool()
        var output = OutputBuffer(pool: pool)
        var input = InputBuffer(pool: pool)
        var answer: [UInt8] = []
        output.append(line)
        while answer.count <= longestAnswer {
            if case .failed(let error) = socket.write(from: &output) { throw error }
            switch socket.read(into: &input) {
            case .bytes:
                input.unread.withUnsafeBytes { answer.append(contentsOf: $0) }
                input.consume(input.count)
            case .wouldBlock:
                let left = deadline.since(.current())
                guard left > 0 else { return [] }
                loop.turn(atMost: Int32(clamping: left / 1_000_000 + 1))
            case .endOfStream: return answer
            case .failed(let error): throw error
            }
        }
        return []
    }
}

/// The loop is only waited on.
private final class Nobody: EventHandler {
    func ready(_ readiness: Readiness, tag: UInt32) {}
}
