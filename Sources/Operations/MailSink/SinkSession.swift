import Bytes
import Reactor
import SMTPWire
import TLSTransport

/// One connection of a sink: reads, obeys in order, answers.
///
/// Its client is a proxy under test: what breaks the protocol is refused and never repaired, so that it shows.
final class SinkSession: EventHandler, TimerHandler {
    /// Octets of a line without CRLF (RFC 4954 section 4 asks for 12288 with it).
    private static let longestLine = 12_286
    /// Nanoseconds of silence before it closes (RFC 5321 section 4.5.3.2.7).
    private static let patience: UInt64 = 300_000_000_000
    /// Reads in one turn of the loop, so that one fast client does not hold up the others.
    private static let readsPerTurn = 16

    enum Mode {
        case command
        case login(SinkLogin)
        case data
        /// What follows DATA can't become a message; its end is still to come.
        case refusedData(Reply)
        case chunk(SinkChunk)
    }

    let server: SinkServer
    let peer: Endpoint?
    var mode = Mode.command
    /// From XCLIENT.
    var identity: SinkIdentity?
    /// nil before HELO or EHLO.
    var helo: String?
    var user: String?
    var transaction: SinkTransaction?
    var scanner = DataScanner()
    var isClosing = false

    private var transport: Transport
    private var input: InputBuffer
    private var output: OutputBuffer
    private var registration: Registration?
    private var timer: TimerID?

    init(_ socket: consuming Socket, peer: Endpoint?, server: SinkServer) {
        self.server = server
        self.peer = peer
        transport = Transport(socket)
        input = InputBuffer(pool: server.pool)
        output = OutputBuffer(pool: server.pool)
    }

    /// Greets; a connection that cannot be watched is dropped.
    func begin() {
        do throws(Errno) {
            registration = try server.loop.register(transport.rawValue, self)
        } catch {
            return server.ended(self)
        }
        timer = server.loop.timers.make(self)
        reply(220, "\(server.options.hostname) ESMTP mail sink")
        flush()
    }

    func reply(_ code: UInt16, _ text: String) {
        reply(Reply(code, text))
    }

    func reply(_ reply: Reply) {
        ReplyEncoder.write(reply, to: &output)
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        transport.ready(readiness)
        serve()
    }

    func timerFired(tag: UInt32) {
        close()
    }

    func close() {
        guard let registration else { return }
        self.registration = nil
        server.loop.deregister(registration, closing: true)
        if let timer { server.loop.timers.discard(timer) }
        transport.close()
        server.ended(self)
    }
}

// MARK: Moving bytes

extension SinkSession {
    private func serve() {
        guard let registration else { return }
        if let timer { server.loop.timers.arm(timer, at: server.loop.now + Self.patience) }
        for _ in 0..<Self.readsPerTurn {
            while !isClosing, !output.isAboveHighWater, step() {}
            guard flush() else { return }
            switch transport.read(into: &input) {
            case .bytes: continue
            case .wouldBlock: return
            case .endOfStream, .failed: return close()
            }
        }
        server.loop.again(registration)
    }

    /// False if the connection was closed or its client must read first.
    @discardableResult
    private func flush() -> Bool {
        while !output.isEmpty {
            switch transport.write(from: &output) {
            case .bytes: continue
            case .wouldBlock: return !isClosing && !output.isAboveHighWater
            case .endOfStream, .failed:
                close()
                return false
            }
        }
        if isClosing { close() }
        return !isClosing
    }

    /// Obeys one line or one block of content; false if more octets are needed.
    private func step() -> Bool {
        if case .chunk(let chunk) = mode { return readChunk(chunk) }
        guard !input.isEmpty else { return false }
        switch mode {
        case .command, .login: return readLine()
        case .data: readData()
        case .refusedData(let refusal): discardData(refusal)
        case .chunk: break
        }
        return true
    }

    private func readLine() -> Bool {
        switch LineFramer.next(input.unread, limit: Self.longestLine) {
        case .incomplete:
            return false
        case .bareNewline:
            refuseAndClose(Reply(550, "5.5.2 Error: bare <CR>, bare <LF> or <NUL> received"))
        case .tooLong:
            refuseAndClose(Reply(500, "5.5.2 Error: line too long"))
        case .line(let length):
            obeyLine(length)
        }
        return true
    }

    private func obeyLine(_ length: Int) {
        if case .login(let login) = mode {
            let response = front(length)
            input.consume(length + 2)
            loginResponded(response, to: login)
        } else {
            let command = CommandParser.parse(input.unread.extracting(0..<length))
            let line = command.isUnknown ? front(length) : []
            input.consume(length + 2)
            obey(command, line)
        }
    }

    private func front(_ length: Int) -> [UInt8] {
        Self.front(length, of: input)
    }

    private static func front(_ length: Int, of input: borrowing InputBuffer) -> [UInt8] {
        input.unread.withUnsafeBytes { Array($0.prefix(length)) }
    }

    func refuseAndClose(_ refusal: Reply) {
        reply(refusal)
        isClosing = true
    }
}

// MARK: Content

extension SinkSession {
    private func readData() {
        let step = scanner.scan(input.unread)
        take(step.held.text)
        take(input.unread.extracting(0..<step.forward))
        switch step.event {
        case .more:
            input.consume(input.count)
        case .endOfData(let consumed):
            input.consume(consumed)
            finishData()
        case .violation(_, let consumed):
            input.consume(consumed)
            mode = .refusedData(Reply(550, "5.5.2 Error: bare <CR>, bare <LF> or <NUL> received"))
        }
    }

    private func discardData(_ refusal: Reply) {
        switch scanner.discard(input.unread) {
        case .more:
            input.consume(input.count)
        case .endOfData(let consumed):
            input.consume(consumed)
            endTransaction(refusal)
        }
    }

    /// A chunk of no octets needs no input.
    private func readChunk(_ chunk: SinkChunk) -> Bool {
        var chunk = chunk
        let count = Int(min(chunk.remaining, UInt64(input.count)))
        if chunk.refusal == nil { take(input.unread.extracting(0..<count)) }
        input.consume(count)
        chunk.remaining -= UInt64(count)
        mode = .chunk(chunk)
        guard chunk.remaining == 0 else { return false }
        finishChunk(chunk)
        return true
    }
}

extension Result<Command, CommandFault> {
    /// XCLIENT is no command of the parser's: nobody but us gets to see it.
    fileprivate var isUnknown: Bool {
        if case .failure(let fault) = self { fault.verb == .unknown } else { false }
    }
}
