// XCLIENT: tells the backend who the client is, in ONE command (split over two, Postfix loses LOGIN).

public import Bytes

/// Why an identity can't be told; the session must then not reach the backend.
public enum XClientFault: UInt8, Error, Equatable, Sendable {
    case addrNotOffered
    case loginNotOffered
    /// LOGIN does not fit.
    case tooLong
}

public struct XClient: Equatable, Sendable {
    public enum Proto: UInt8, Sendable {
        case smtp, esmtp
    }

    /// Octets of one value in xtext.
    public static let maxValue = 255
    /// Octets of the command with CRLF.
    public static let maxLine = 512

    /// The forward-confirmed name; nil or no host name: `[UNAVAILABLE]`.
    public var name: [UInt8]?
    /// The name the address points to, confirmed or not.
    public var reverseName: [UInt8]?
    public var client: Endpoint
    /// Where the client connected to.
    public var destination: Endpoint
    /// Whoever authenticated to us.
    public var login: [UInt8]?
    public var helo: [UInt8]?
    public var proto: Proto

    public init(client: Endpoint, destination: Endpoint, proto: Proto = .esmtp) {
        self.client = client
        self.destination = destination
        self.proto = proto
    }

    /// Writes the command with those of its attributes that are `offered`, or nothing when it throws.
    ///
    /// NAME, and REVERSE_NAME where offered, always go with ADDR, or the backend keeps ours. What is too long loses
    /// first its names, then HELO, never LOGIN.
    public func encode(offered: XClientAttributes, to output: inout OutputBuffer) throws(XClientFault) {
        guard offered.contains(.addr) else { throw .addrNotOffered }
        if login != nil, !offered.contains(.login) { throw .loginNotOffered }
        let loginText = try loginValue()
        for form in [(names: true, helo: true), (names: false, helo: true), (names: false, helo: false)] {
            let before = output.count
            write(offered, login: loginText, names: form.names, helo: form.helo, to: &output)
            let length = output.count - before
            if length <= Self.maxLine { return }
            output.removeLast(length)
        }
        throw .tooLong
    }

    private func loginValue() throws(XClientFault) -> [UInt8]? {
        guard let login else { return nil }
        let text = XText.encode(login)
        guard !text.isEmpty, text.count <= Self.maxValue else { throw .tooLong }
        return text
    }

    private func write(
        _ offered: XClientAttributes, login: [UInt8]?, names: Bool, helo withHelo: Bool,
        to output: inout OutputBuffer
    ) {
        output.append("XCLIENT")
        if offered.contains(.name) { Self.append(" NAME=", host: names ? name : nil, to: &output) }
        if offered.contains(.reverseName) {
            Self.append(" REVERSE_NAME=", host: names ? reverseName : nil, to: &output)
        }
        if offered.contains(.addr) { Self.append(" ADDR=", client.address, to: &output) }
        if offered.contains(.port) { Self.append(" PORT=", client.port, to: &output) }
        if withHelo, offered.contains(.helo), let helo = heloValue() { Self.append(" HELO=", helo, to: &output) }
        if offered.contains(.proto) { output.append(proto == .smtp ? " PROTO=SMTP" : " PROTO=ESMTP") }
        if offered.contains(.destAddr) { Self.append(" DESTADDR=", destination.address, to: &output) }
        if offered.contains(.destPort) { Self.append(" DESTPORT=", destination.port, to: &output) }
        if offered.contains(.login), let login { Self.append(" LOGIN=", login, to: &output) }
        output.append("\r\n")
    }

    private func heloValue() -> [UInt8]? {
        guard let helo else { return nil }
        let text = XText.encode(helo)
        return !text.isEmpty && text.count <= Self.maxValue ? text : nil
    }

    private static func append(_ keyword: StaticString, _ value: [UInt8], to output: inout OutputBuffer) {
        output.append(keyword)
        output.append(value)
    }

    private static func append(_ keyword: StaticString, _ address: IPAddress, to output: inout OutputBuffer) {
        output.append(keyword)
        if !address.isV4 { output.append("IPV6:") }
        output.append(text: address.description)
    }

    private static func append(_ keyword: StaticString, _ port: UInt16, to output: inout OutputBuffer) {
        output.append(keyword)
        output.append(decimal: UInt64(port))
    }

    /// DNS is not trusted (CVE-2026-28753): only letters, digits, hyphens and dots pass.
    private static func append(_ keyword: StaticString, host name: [UInt8]?, to output: inout OutputBuffer) {
        output.append(keyword)
        if let name, (1...maxValue).contains(name.count), name.allSatisfy(isHostText) {
            output.append(name)
        } else {
            output.append("[UNAVAILABLE]")
        }
    }

    private static func isHostText(_ octet: UInt8) -> Bool {
        ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet == ASCII.hyphen || octet == ASCII.dot
    }
}
