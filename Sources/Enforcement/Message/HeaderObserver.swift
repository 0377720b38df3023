import Bytes
import Policy

/// Follows a message's content as it streams by and keeps what rules ask about: a few header fields, a few numbers.
///
/// It sees exactly the octets that were read for the message and holds at most one line and two fields, each cut to a
/// bound. CRLF, and a CR or LF alone where those are repaired, end a line. A line of the header that is no field is
/// passed over; only an empty line ends the header.
struct HeaderObserver {
    /// Octets of a line, or of an unfolded field, that are kept.
    static let maxKept = 16 * 1024

    let wants: MessageObservation
    /// After DATA: the first dot of a line that follows CRLF is not content.
    let isStuffed: Bool

    private(set) var receivedCount = 0
    private(set) var fromCount = 0
    /// The body of the first `From:` field; nil if there is none, or it is longer than is kept.
    private(set) var from: [UInt8]?
    private(set) var subject: [UInt8]?
    private(set) var lineMax: UInt64 = 0

    private enum Field {
        case from, subject, other
    }

    private enum Place: Equatable {
        /// `exact`: the line before ended with CRLF.
        case start(exact: Bool)
        case inLine
        case afterCR
    }

    private var isInHeader: Bool
    private var place = Place.start(exact: true)
    private var field = Field.other
    private var line: [UInt8] = []
    private var length: UInt64 = 0

    init(_ wants: MessageObservation, isStuffed: Bool) {
        self.wants = wants
        self.isStuffed = isStuffed
        isInHeader = wants.header
    }

    /// Reads on in the content.
    mutating func observe(_ block: RawSpan) {
        var offset = 0
        while offset < block.byteCount, isInHeader || wants.lines {
            read(unsafe block.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            offset += 1
        }
    }

    /// The content is complete: what stands in the last line counts too.
    mutating func finish() {
        if place != .start(exact: true), place != .start(exact: false) { endLine() }
    }

    private mutating func read(_ octet: UInt8) {
        if place == .afterCR {
            endLine()
            place = .start(exact: octet == ASCII.lf)
            if octet == ASCII.lf { return }
        }
        switch (octet, place) {
        case (ASCII.cr, _):
            place = .afterCR
        case (ASCII.lf, _):
            endLine()
            place = .start(exact: false)
        case (ASCII.dot, .start(exact: true)) where isStuffed:
            place = .inLine
        case (_, _):
            place = .inLine
            length += 1
            if isInHeader, line.count < Self.maxKept { line.append(octet) }
        }
    }

    private mutating func endLine() {
        lineMax = max(lineMax, length)
        length = 0
        if isInHeader { endHeaderLine() }
    }

    private mutating func endHeaderLine() {
        defer { line.removeAll(keepingCapacity: true) }
        guard let first = line.first else {
            isInHeader = false
            return
        }
        if first == ASCII.space || first == ASCII.tab { return keep(line[...]) }
        guard let colon = line.firstIndex(of: ASCII.colon) else { return }
        begin(name: line[..<colon], body: line[(colon + 1)...])
    }

    private mutating func begin(name: ArraySlice<UInt8>, body: ArraySlice<UInt8>) {
        field = .other
        let end = name.lastIndex { $0 != ASCII.space && $0 != ASCII.tab } ?? name.startIndex
        switch String(decoding: name[..<min(end + 1, name.endIndex)].map(ASCII.lowercased), as: UTF8.self) {
        case "from":
            fromCount += 1
            if fromCount == 1 { (field, from) = (.from, []) }
        case "subject":
            if subject == nil { (field, subject) = (.subject, []) }
        case "received":
            receivedCount += 1
        case _:
            break
        }
        keep(body)
    }

    /// Adds to the field that is being read (RFC 5322 2.2.3: unfolding takes the line end away and nothing else).
    private mutating func keep(_ text: ArraySlice<UInt8>) {
        switch field {
        case .other:
            break
        case .from:
            if let kept = from, kept.count + text.count < Self.maxKept { from = kept + text } else { from = nil }
        case .subject:
            subject = subject.map { Array(($0 + text).prefix(Self.maxKept)) }
        }
    }
}
