public import Bytes
import CHiredis

// hiredis 0.14 parses; everything that it would allocate by a number of the server's is bounded here, ahead of it: its
// own reply objects reserve as many places as an array announces, and its buffer grows as long as a string lasts.

/// Octets from a server to replies: whole ones, bounded in size, number and nesting.
///
/// After a fault the octets that follow mean nothing: the connection must go.
public struct ReplyReader: ~Copyable {
    /// Octets of one reply, of what is buffered for it as well as of the strings in it.
    public static let maxOctets = 1 << 20
    /// Values in one reply; hiredis itself stops at arrays eight deep.
    public static let maxValues = 1 << 16

    public enum Outcome: Hashable, Sendable {
        /// More octets are needed.
        case incomplete
        case reply(StoreReply)
        case fault(String)
    }

    private let reader: UnsafeMutablePointer<redisReader>?
    private let builder = ReplyBuilder()
    private var fault: String?

    public init() {
        reader = redisReaderCreateWithFunctions(ReplyBuilder.functions)
        reader?.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
        // A buffer that has been read to its end is let go of above this.
        reader?.pointee.maxbuf = InputBuffer.capacity
        if reader == nil { fault = "out of memory" }
    }

    deinit {
        if let reader { redisReaderFree(reader) }
    }

    /// Takes everything that waits in `input`.
    public mutating func feed(_ input: inout InputBuffer) {
        guard let reader else { return }
        let fed = input.unread.withUnsafeBytes { redisReaderFeed(reader, $0.baseAddress, $0.count) }
        input.consume(input.count)
        if fed != REDIS_OK { fail() }
    }

    /// The next reply; ask until it is incomplete after each `feed`.
    public mutating func next() -> Outcome {
        if let fault { return .fault(fault) }
        var root: UnsafeMutableRawPointer?
        guard let reader, redisReaderGetReply(reader, &root) == REDIS_OK else { return fail() }
        if root != nil { return .reply(builder.take()) }
        // What is left belongs to one reply, as long as it says it is.
        if reader.pointee.len - reader.pointee.pos > Self.maxOctets {
            fault = "a reply of more than \(Self.maxOctets) octets"
        }
        return fault.map { .fault($0) } ?? .incomplete
    }

    @discardableResult
    private mutating func fail() -> Outcome {
        let text = fault ?? builder.fault ?? hiredisError
        fault = text
        return .fault(text)
    }

    private var hiredisError: String {
        guard let reader else { return "out of memory" }
        return withUnsafeBytes(of: reader.pointee.errstr) { StoreText.printable(Array($0.prefix { $0 != 0 })) }
    }
}

/// Collects the values of one reply in the order in which they stand on the wire, each array ahead of its elements.
private final class ReplyBuilder {
    private enum Value {
        case one(StoreReply)
        case array(Int)
    }

    private var values: [Value] = []
    private var octets = 0
    private(set) var fault: String?

    /// Ends of arrays need no mark: each says how many elements it has.
    func take() -> StoreReply {
        var next = 0
        let reply = tree(&next)
        values.removeAll(keepingCapacity: values.count < 256)
        octets = 0
        return reply
    }

    /// hiredis nests eight deep at most, and so does this.
    private func tree(_ next: inout Int) -> StoreReply {
        guard next < values.count else { return .null }
        next += 1
        switch values[next - 1] {
        case .one(let reply): return reply
        case .array(let count):
            var elements: [StoreReply] = []
            elements.reserveCapacity(count)
            for _ in 0..<count { elements.append(tree(&next)) }
            return .array(elements)
        }
    }

    private func add(_ value: Value, octets count: Int = 0) -> UnsafeMutableRawPointer? {
        octets += count
        guard values.count < ReplyReader.maxValues, octets <= ReplyReader.maxOctets else {
            fault = "a reply of too many values"
            return nil
        }
        values.append(value)
        // Any pointer but null: hiredis only passes it on.
        return Unmanaged.passUnretained(self).toOpaque()
    }
}

// MARK: What hiredis calls

extension ReplyBuilder {
    /// Made once and never freed; hiredis takes a pointer that may be written through, and does not.
    nonisolated(unsafe) static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
        let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        functions.initialize(
            to: redisReplyObjectFunctions(
                createString: { ReplyBuilder.of($0)?.string($0, $1, $2) },
                createArray: { ReplyBuilder.of($0)?.array($1) },
                createInteger: { ReplyBuilder.of($0)?.add(.one(.integer($1))) },
                createNil: { ReplyBuilder.of($0)?.add(.one(.null)) },
                freeObject: nil))
        return functions
    }()

    private static func of(_ task: UnsafePointer<redisReadTask>?) -> ReplyBuilder? {
        guard let builder = task?.pointee.privdata else { return nil }
        return Unmanaged<ReplyBuilder>.fromOpaque(builder).takeUnretainedValue()
    }

    private func string(
        _ task: UnsafePointer<redisReadTask>?, _ start: UnsafeMutablePointer<CChar>?, _ count: Int
    ) -> UnsafeMutableRawPointer? {
        guard let start, let task, count <= ReplyReader.maxOctets else { return nil }
        let octets = Array(UnsafeRawBufferPointer(start: start, count: count))
        let reply: StoreReply =
            switch task.pointee.type {
            case REDIS_REPLY_ERROR: .error(octets)
            case REDIS_REPLY_STATUS: .status(octets)
            case _: .bulk(octets)
            }
        return add(.one(reply), octets: count)
    }

    /// An array that announces more than a whole reply may hold is refused before anything is reserved for it.
    private func array(_ count: Int32) -> UnsafeMutableRawPointer? {
        guard count >= 0, Int(count) <= ReplyReader.maxValues else {
            fault = "an array of \(count) elements"
            return nil
        }
        return add(.array(Int(count)))
    }
}
