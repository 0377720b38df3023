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
            let line = line(offered, login: loginText, names: form.names, helo: form.helo)
            if line.count <= Self.maxLine {
                output.append(line)
                return
            }
        }
        throw .tooLong
    }

    private func loginValue() throws(XClientFault) -> [UInt8]? {
        guard let login else { return nil }
        let text = XText.encode(login)
        guard !text.isEmpty, text.count <= Self.maxValue else { throw .tooLong }
        return text
    }

    private func line(_ offered: XClientAttributes, login: [UInt8]?, names: Bool, helo withHelo: Bool) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(192)
        line.append(text: "XCLIENT")
        func add(_ attribute: XClientAttributes, _ keyword: StaticString, _ value: some Sequence<UInt8>) {
            guard offered.contains(attribute) else { return }
            line.append(text: keyword)
            line.append(contentsOf: value)
        }
        add(.name, " NAME=", Self.hostName(names ? name : nil))
        add(.reverseName, " REVERSE_NAME=", Self.hostName(names ? reverseName : nil))
        add(.addr, " ADDR=", Self.address(client.address))
        add(.port, " PORT=", String(client.port).utf8)
        if withHelo, let helo = heloValue() { add(.helo, " HELO=", helo) }
        add(.proto, " PROTO=", (proto == .smtp ? "SMTP" : "ESMTP").utf8)
        add(.destAddr, " DESTADDR=", Self.address(destination.address))
        add(.destPort, " DESTPORT=", String(destination.port).utf8)
        if let login { add(.login, " LOGIN=", login) }
        line.append(ASCII.cr)
        line.append(ASCII.lf)
        return line
    }

    private func heloValue() -> [UInt8]? {
        guard let helo else { return nil }
        let text = XText.encode(helo)
        return !text.isEmpty && text.count <= Self.maxValue ? text : nil
    }

    /// DNS is not trusted (CVE-2026-28753): only letters, digits, hyphens and dots pass.
    private static func hostName(_ name: [UInt8]?) -> [UInt8] {
        guard let name, (1...maxValue).contains(name.count), name.allSatisfy(isHostText) else {
            return Array("[UNAVAILABLE]".utf8)
        }
        return name
    }

    private static func isHostText(_ octet: UInt8) -> Bool {
        ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet == ASCII.hyphen || octet == ASCII.dot
    }

    private static func address(_ address: IPAddress) -> String.UTF8View {
        (address.isV4 ? address.description : "IPV6:\(address)").utf8
    }
}

extension [UInt8] {
    fileprivate mutating func append(text: StaticString) {
        unsafe append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
