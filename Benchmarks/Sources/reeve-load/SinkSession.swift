import Bytes
import Glibc
import Reactor

/// One connection of the sink.
final class SinkSession: EventHandler {
    private let sink: Sink
    private let socket: Socket
    private var registration: Registration?
    private var input: InputBuffer
    private var output: OutputBuffer
    private var isInContent = false
    /// The last octets of content that may begin an end-of-data: how much of CRLF "." CRLF has matched.
    private var matched = 2
    private var isFresh = true
    private var isQuitting = false

    init(of sink: Sink, _ socket: consuming Socket) {
        self.sink = sink
        self.socket = socket
        input = InputBuffer(pool: sink.pool)
        output = OutputBuffer(pool: sink.pool)
    }

    func start() throws(Errno) {
        output.append("220 sink ESMTP\r\n")
        registration = try sink.loop.register(socket.rawValue, self)
    }

    func ready(_ readiness: Readiness, tag: UInt32) {
        while registration != nil {
            if case .failed = socket.write(from: &output) { return end() }
            if isQuitting { return end() }
            if isInContent && sink.stalls { return }
            switch socket.read(into: &input) {
            case .bytes: take()
            case .wouldBlock: return
            case .endOfStream, .failed: return end()
            }
        }
    }

    private func take() {
        if isFresh { skipProxyHeader() }
        isFresh = false
        while !input.isEmpty {
            if isInContent {
                takeContent()
            } else {
                guard takeLine() else { return }
            }
        }
    }

    /// PROXY v2: 12 octets of signature, 2 of kind, 2 of length.
    private func skipProxyHeader() {
        let length = input.look { bytes -> Int in
            guard bytes.count >= 16, bytes[0] == 13, bytes[1] == 10, bytes[2] == 13 else { return 0 }
            return 16 + Int(bytes[14]) << 8 + Int(bytes[15])
        }
        input.consume(length)
    }

    private func takeLine() -> Bool {
        let (length, verb) = input.look { bytes -> (Int, UInt8) in
            guard let end = bytes.firstIndex(of: 10) else { return (0, 0) }
            return (end + 1, (bytes.first ?? 0) & 0xDF)
        }
        guard length > 0 else { return false }
        let second = input.look { $0.count > 1 ? $0[1] & 0xDF : 0 }
        input.consume(length)
        answer(verb, second)
        return true
    }

    private func answer(_ verb: UInt8, _ second: UInt8) {
        switch (verb, second) {
        case (UInt8(ascii: "E"), _):
            output.append(
                "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 100000000\r\n250-XCLIENT NAME ADDR PORT PROTO ")
            output.append(
                "HELO LOGIN DESTADDR DESTPORT\r\n250-AUTH PLAIN\r\n250-CHUNKING\r\n250 ENHANCEDSTATUSCODES\r\n")
        case (UInt8(ascii: "M"), _):
            sink.transactions += 1
            output.append("250 2.1.0 ok\r\n")
        case (UInt8(ascii: "S"), UInt8(ascii: "T")):
            // Who asks is not of the load.
            sink.connections -= 1
            output.append(Array("250 \(sink.connections) \(sink.transactions)\r\n".utf8))
        case (UInt8(ascii: "A"), _): output.append("235 2.7.0 ok\r\n")
        case (UInt8(ascii: "X"), _): output.append("220 sink ESMTP\r\n")
        case (UInt8(ascii: "D"), _):
            output.append("354 go on\r\n")
            (isInContent, matched) = (true, 2)
        case (UInt8(ascii: "Q"), _):
            output.append("221 2.0.0 bye\r\n")
            isQuitting = true
        case _: output.append("250 2.0.0 ok\r\n")
        }
    }

    /// Looks for CRLF "." CRLF from newline to newline.
    private func takeContent() {
        var state = matched
        let (used, found) = input.look { bytes -> (Int, Bool) in
            var index = 0
            while index < bytes.count {
                if state == 0 {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[index...])
                    guard let start = rest.baseAddress, let newline = memchr(start, 10, rest.count) else {
                        return (bytes.count, false)
                    }
                    index += UnsafeRawPointer(newline) - start + 1
                    state = 2
                    continue
                }
                switch (state, bytes[index]) {
                case (2, 0x2E): state = 3
                case (3, 13): state = 4
                case (4, 10): return (index + 1, true)
                case (_, 10): state = 2
                case _: state = 0
                }
                index += 1
            }
            return (bytes.count, false)
        }
        matched = state
        input.consume(used)
        if found {
            isInContent = false
            output.append("250 2.0.0 discarded\r\n")
        }
    }

    private func end() {
        guard let registration else { return }
        self.registration = nil
        sink.loop.deregister(registration)
    }
}
