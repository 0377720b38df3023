// The PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy). The sender is a known load balancer, so the
// parser is strict: nothing is guessed, and nothing behind a wrong header is read.

public import Bytes

public struct ProxyHeader: Equatable, Sendable {
    public enum Origin: Equatable, Sendable {
        case client(source: Endpoint, destination: Endpoint)
        /// A connection of the load balancer itself, such as a health check.
        case local
        /// The load balancer does not know, or speaks of something that is not TCP over IP.
        case unknown
    }

    public enum Outcome: Equatable, Sendable {
        /// A header could still come of this.
        case incomplete
        /// The bytes do not begin as a header does.
        case notProxy
        case invalid(Fault)
        /// The header is the first `length` octets.
        case header(ProxyHeader, length: Int)
    }

    public enum Fault: UInt8, Error, CaseIterable, Sendable {
        case lineEnd, tooLong, form, family, address, port
        case version, command, length, tlv, checksum
    }

    /// Octets of a version 1 line with CRLF.
    public static let maxV1 = 107
    /// Octets that a version 2 header may announce: all TLVs that are in use fit several times.
    public static let maxV2Payload = 4096

    public let origin: Origin
    /// 1 or 2.
    public let version: UInt8

    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let word: [UInt8] = [0x50, 0x52, 0x4F, 0x58, 0x59, 0x20]

    /// Reads the header at the front of `bytes`.
    public static func parse(_ bytes: RawSpan) -> Outcome {
        if begins(bytes, with: word) {
            return bytes.byteCount < word.count ? .incomplete : outcome { () throws(Fault) in try parseV1(bytes) }
        }
        if begins(bytes, with: signature) {
            return bytes.byteCount < signature.count ? .incomplete : outcome { () throws(Fault) in try parseV2(bytes) }
        }
        return .notProxy
    }

    /// nil: more octets are needed.
    private static func outcome(_ parse: () throws(Fault) -> (header: ProxyHeader, length: Int)?) -> Outcome {
        do throws(Fault) {
            guard let (header, length) = try parse() else { return .incomplete }
            return .header(header, length: length)
        } catch {
            return .invalid(error)
        }
    }

    /// Whether `bytes`, as far as they go, are `expected`.
    private static func begins(_ bytes: RawSpan, with expected: [UInt8]) -> Bool {
        for (offset, octet) in expected.enumerated() {
            guard let found = bytes.peek(offset) else { return true }
            if found != octet { return false }
        }
        return true
    }
}

// MARK: Version 1

extension ProxyHeader {
    private static func parseV1(_ bytes: RawSpan) throws(Fault) -> (header: ProxyHeader, length: Int)? {
        let head = bytes.extracting(0..<min(bytes.byteCount, maxV1))
        switch LineFramer.next(head, limit: maxV1 - 2) {
        case .incomplete:
            if head.byteCount == maxV1 { throw .tooLong }
            return nil
        case .bareNewline: throw .lineEnd
        case .tooLong: throw .tooLong
        case .line(let length):
            let origin = try originV1(head.copy(6..<length))
            return (ProxyHeader(origin: origin, version: 1), length + 2)
        }
    }

    /// `UNKNOWN …`, or a family, two addresses and two ports with one space between.
    private static func originV1(_ text: [UInt8]) throws(Fault) -> Origin {
        let words = text.split(separator: ASCII.space, omittingEmptySubsequences: false).map(Array.init)
        switch words.first {
        case Array("UNKNOWN".utf8): return .unknown
        case Array("TCP4".utf8), Array("TCP6".utf8): break
        default: throw .family
        }
        guard words.count == 5 else { throw .form }
        let isV6 = words[0].last == 0x36
        let source = Endpoint(address: try address(words[1], isV6: isV6), port: try port(words[3]))
        let destination = Endpoint(address: try address(words[2], isV6: isV6), port: try port(words[4]))
        return .client(source: source, destination: destination)
    }

    private static func address(_ text: [UInt8], isV6: Bool) throws(Fault) -> IPAddress {
        guard text.contains(ASCII.colon) == isV6, let address = IPAddress(text) else { throw .address }
        return address
    }

    private static func port(_ text: [UInt8]) throws(Fault) -> UInt16 {
        guard (1...5).contains(text.count), text.allSatisfy(ASCII.isDigit), text.count == 1 || text[0] != ASCII.zero,
            let port = UInt16(exactly: text.reduce(0) { $0 * 10 + Int($1 - ASCII.zero) })
        else { throw .port }
        return port
    }
}
