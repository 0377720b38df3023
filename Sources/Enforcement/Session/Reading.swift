import Bytes
import Policy
import SMTPWire

/// What the next octets from the client are.
///
/// Large cases lie outside the session's own memory: an idle session does not pay for them.
enum Reading {
    /// Not read until something happens.
    case paused(Pause)
    case commands
    /// A line of an AUTH exchange.
    case loginResponse
    /// The rest of a line that was too long and is answered already.
    case overlongLine(LineDiscarder, discarded: Int)
    indirect case content(ContentReception)
    indirect case chunk(ChunkReception)
    /// TLS between the client and the server that it meant.
    case spliced(Splice)
}

/// What the client has to wait for.
enum Pause {
    /// `greet_wait`.
    case greeting
    case handshake
    /// Replies to earlier commands.
    indirect case barrier(Command)
    case backend(BackendWait)
    /// The reply to a failed login is held back.
    case loginDelay(Reply, closes: Bool)
    /// The server's 220 to STARTTLS is on its way.
    case splicing
    /// The last reply is on its way, then the connection is closed.
    case closing
    case closed
}

/// The backend's answer that a barrier command waits for.
enum BackendWait {
    /// 354 to DATA.
    case goAhead
    /// 354 to the DATA that a first chunk was turned into.
    indirect case chunkGoAhead(ChunkReception)
    case chunk(size: UInt64, last: Bool)
    /// After DATA, or the last BDAT towards a backend without CHUNKING.
    case endOfData(Verb)
    case login
    /// The greeting of the server that the client meant.
    case introduction
    /// Its reply to the client's HELO or EHLO.
    indirect case hello(HeloName, isExtended: Bool)
    /// Its reply to the client's STARTTLS.
    case startTLS
}

/// Message content after DATA.
struct ContentReception {
    enum Sink {
        /// Passed to the backend.
        case relay
        /// Passed to the backend with its line ends mended.
        case normalize(DataNormalizer)
        /// Read to its end and refused with this.
        case discard(Reply)
    }

    var scanner = DataScanner()
    var sink = Sink.relay
    /// Octets that were read, stuffing included, for the data rate.
    var octets: UInt64 = 0

    /// Octets of content, for the size limit; what is discarded counts as it was read.
    var contentOctets: UInt64 {
        switch sink {
        case .relay: scanner.contentOctets
        case .normalize(let normalizer): normalizer.contentOctets
        case .discard: octets
        }
    }

    /// From here on the content is only read to its end, which is the same for every sink.
    mutating func discard(_ reply: Reply) {
        if case .normalize(let normalizer) = sink { scanner = normalizer.discarder }
        sink = .discard(reply)
    }
}

/// The payload of one BDAT.
struct ChunkReception {
    enum Sink {
        case relay
        /// Swallowed, then answered with this.
        case discard(Reply)
    }

    let size: UInt64
    let last: Bool
    var remaining: UInt64
    var sink: Sink
    /// BDAT n LAST goes out as BDAT n, because rules want to see the whole message before its end is given.
    var holdsEnd = false

    init(size: UInt64, last: Bool, sink: Sink) {
        self.size = size
        self.last = last
        self.sink = sink
        remaining = size
    }
}

/// How the content of the open transaction's chunks is followed over chunk borders.
struct ChunkStream {
    var scanner: ChunkScanner
    /// BDAT towards a backend without CHUNKING.
    var stuffer: DotStuffer?

    mutating func stuff(first n: Int, of input: borrowing InputBuffer, into output: inout OutputBuffer) {
        stuffer?.stuff(input.unread.extracting(first: n), into: &output)
    }
}

extension DataNormalizer {
    mutating func normalize(_ input: borrowing InputBuffer, into output: inout OutputBuffer) -> Event {
        normalize(input.unread, into: &output)
    }
}
