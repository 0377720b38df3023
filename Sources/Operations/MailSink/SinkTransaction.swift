import Bytes
import SMTPWire

/// A transaction of a sink: the envelope and as much of the content as somebody wants.
struct SinkTransaction {
    let sender: Mailbox?
    let isBinary: Bool
    var recipients: [Mailbox] = []
    /// As it came: dot-stuffed after DATA, plain after BDAT.
    var content: [UInt8] = []
    /// Octets, counted whether or not they are kept.
    var octets: UInt64 = 0
    var hasChunks = false

    init(_ command: MailCommand) {
        sender = command.sender
        isBinary = command.body == .binaryMIME
    }
}

/// A BDAT chunk that is being read (RFC 3030).
struct SinkChunk {
    let size: UInt64
    var remaining: UInt64
    let isLast: Bool
    /// Its octets are read all the same.
    let refusal: Reply?
}

/// Undoes dot-stuffing (RFC 5321 section 4.5.2).
enum DotStuffing {
    static func removed(from content: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(content.count)
        var isLineStart = true
        for octet in content {
            if !(isLineStart && octet == ASCII.dot) { result.append(octet) }
            isLineStart = octet == ASCII.lf
        }
        return result
    }
}
