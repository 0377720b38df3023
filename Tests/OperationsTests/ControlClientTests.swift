import Bytes
import Control
import Reactor
import Testing

@testable import Operations

@Suite("Asking a daemon over its socket")
struct ControlClientTests {
    /// Answers one connection with `answer` once a whole line has come, then closes; what it was asked.
    private final class OneAnswer: EventHandler {
        let loop: EventLoop
        let listener: Listener
        let answer: [UInt8]
        let asked: Locked<[UInt8]>
        let pool = BufferPool()

        init(_ path: String, _ answer: [UInt8], _ asked: Locked<[UInt8]>) throws {
            loop = try EventLoop()
            listener = try Listener(path: path)
            (self.answer, self.asked) = (answer, asked)
        }

        func ready(_ readiness: Readiness, tag: UInt32) {}

        func run() {
            guard let waiting = try? loop.register(listener.rawValue, self) else { return }
            while true {
                guard let accepted = try? listener.accept() else {
                    loop.turn()
                    continue
                }
                serve(accepted.takeSocket())
                break
            }
            loop.deregister(waiting)
        }

        private func serve(_ socket: consuming Socket) {
            var input = InputBuffer(pool: pool)
            var output = OutputBuffer(pool: pool)
            guard let registration = try? loop.register(socket.rawValue, self) else { return }
            var line: [UInt8] = []
            while line.last != 0x0A {
                if case .bytes = socket.read(into: &input) {
                    input.unread.withUnsafeBytes { line.append(contentsOf: $0) }
                    input.consume(input.count)
                } else {
                    loop.turn()
                }
            }
            asked.withLock { $0 = line }
            output.append(answer)
            while !output.isEmpty {
                if case .bytes = socket.write(from: &output) { continue }
                loop.turn()
            }
            loop.deregister(registration)
        }
    }

    private func ask(answer: [UInt8]) throws -> (reply: Result<ControlReply, ControlClientError>, asked: [UInt8]) {
        Signals.ignoreBrokenPipe()
        let folder = try TemporaryFolder()
        let path = folder.path + "/control.sock"
        let asked = Locked<[UInt8]>([])
        let server = try OneAnswer(path, answer, asked)
        let thread = try NativeThread.start("answer") { server.run() }
        let reply = Result { () throws(ControlClientError) in try ControlClient.ask(.reload, at: path) }
        thread.join()
        return (reply, asked.withLock { $0 })
    }

    @Test("One line is sent and the whole answer is read, however long it is")
    func answer() throws {
        let long = ControlReply(ok: false, message: String(repeating: "x", count: 300_000), findings: "a\nb")
        let (reply, asked) = try ask(answer: long.line)
        #expect(try reply.get() == long)
        #expect(asked == Array("reload\n".utf8))
    }

    @Test("Silence and nonsense are failures, told apart")
    func failures() throws {
        for (answer, expected) in [("", "did not answer"), ("hello\n", "cannot be read")] {
            let (reply, _) = try ask(answer: Array(answer.utf8))
            let text: String
            switch reply {
            case .success: text = "success"
            case .failure(let error): text = error.description
            }
            #expect(text.contains(expected))
        }
    }

    @Test("A socket that is not there says that no daemon runs")
    func absent() throws {
        do throws(ControlClientError) {
            _ = try ControlClient.ask(.status, at: "/nonexistent/control.sock")
            Issue.record("somebody answered")
        } catch {
            #expect(error.description == "no daemon runs here: /nonexistent/control.sock does not exist")
        }
    }
}
