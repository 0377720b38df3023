import Bytes

/// A formatted line without its end and without what the destination puts before it.
///
/// In memory of its own: a line is made of some thirty short pieces, and an array would ask at each of them whether
/// somebody else holds it.
struct LogLine: ~Copyable {
    var severity: Severity
    private(set) var count = 0
    private var memory: UnsafeMutableRawBufferPointer

    init(_ severity: Severity, _ bytes: [UInt8] = []) {
        self.severity = severity
        memory = .allocate(byteCount: max(512, bytes.count), alignment: 1)
        bytes.withUnsafeBytes { append($0) }
    }

    deinit {
        memory.deallocate()
    }

    /// A copy of what stands in the line.
    var bytes: [UInt8] { Array(memory.prefix(count)) }

    /// Adds the line and its end to `buffer`.
    func end(into buffer: inout [UInt8]) {
        buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        buffer.append(ASCII.lf)
    }

    mutating func append(_ octets: UnsafeRawBufferPointer) {
        guard let start = octets.baseAddress else { return }
        room(octets.count).copyMemory(from: start, byteCount: octets.count)
    }

    @inline(__always)
    mutating func append(_ ours: StaticString) {
        append(UnsafeRawBufferPointer(start: ours.utf8Start, count: ours.utf8CodeUnitCount))
    }

    /// What no peer has chosen.
    mutating func append(ours: String) {
        var ours = ours
        ours.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    mutating func append(byte: UInt8) {
        room(1).storeBytes(of: byte, as: UInt8.self)
    }

    /// In decimal digits.
    mutating func append(decimal number: UInt64) {
        if number >= 10 { append(decimal: number / 10) }
        append(byte: ASCII.zero + UInt8(truncatingIfNeeded: number % 10))
    }

    /// In decimal digits; below 0 there is nothing to count.
    mutating func append(count: Int) {
        append(decimal: UInt64(max(0, count)))
    }

    mutating func append(_ remote: some Collection<UInt8>, as place: RemoteText.Place) {
        RemoteText.append(remote, as: place, to: &self)
    }

    mutating func append(_ remote: String, as place: RemoteText.Place) {
        RemoteText.append(remote.utf8, as: place, to: &self)
    }

    /// Where the next `more` octets go, which count as written.
    @inline(__always)
    private mutating func room(_ more: Int) -> UnsafeMutableRawPointer {
        if memory.count - count < more { grow(more) }
        let place = memory.baseAddress.unsafelyUnwrapped + count
        count += more
        return place
    }

    private mutating func grow(_ more: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * (count + more), alignment: 1)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        memory.deallocate()
        memory = larger
    }
}

/// The id under which message `number` of a session is logged: the session's and one more character.
///
/// From the 62nd message on it is two characters.
public func messageID(sid: String, number: Int) -> String {
    var line = LogLine(.info)
    line.append(ours: sid)
    line.append(messageNumber: number)
    return String(decoding: line.bytes, as: UTF8.self)
}

extension LogLine {
    /// What the id of a message has behind its session's.
    mutating func append(messageNumber number: Int) {
        let number = max(0, number)
        if number >= 62 { append(messageNumber: number / 62) }
        append(byte: Self.digit62(number % 62))
    }

    /// 0-9, a-z, A-Z.
    private static func digit62(_ value: Int) -> UInt8 {
        let base = value < 10 ? 0x30 : value < 36 ? 0x61 - 10 : 0x41 - 36
        return UInt8(truncatingIfNeeded: base + value)
    }
}
