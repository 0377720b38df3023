/// What may be asked of a running daemon over its control socket: one line, a word of a closed list and its arguments.
///
/// Arguments are separated by one space; a space, a control character, `%` and what is not ASCII are `%XX` in them.
public enum ControlRequest: Hashable, Sendable {
    case status
    /// Checks the configuration and applies it if it has no errors.
    case reload
    case listBans
    /// `subject` is an address, a net in CIDR notation, or a login.
    case addBan(subject: String, seconds: UInt64, reason: String)
    case removeBan(subject: String)
    case listLimits
    /// The buckets of this key: the whole of it, or one of its fields.
    case getLimit(key: String)
    /// Makes the buckets of this key empty.
    case resetLimit(key: String)

    /// Octets of the longest line that is read, its LF included.
    public static let maxLine = 4096

    /// The words, in the order of the documentation.
    public static let words = [
        "status", "reload", "bans", "bans-add", "bans-remove", "limits", "limits-get", "limits-reset",
    ]

    /// The request as it is sent.
    public var line: [UInt8] {
        let words: [String] =
            switch self {
            case .status: ["status"]
            case .reload: ["reload"]
            case .listBans: ["bans"]
            case .addBan(let subject, let seconds, let reason): ["bans-add", subject, "\(seconds)", reason]
            case .removeBan(let subject): ["bans-remove", subject]
            case .listLimits: ["limits"]
            case .getLimit(let key): ["limits-get", key]
            case .resetLimit(let key): ["limits-reset", key]
            }
        return Array((words.map(PercentText.encoded).joined(separator: " ") + "\n").utf8)
    }

    /// nil for what is no request, or has other arguments than it needs.
    init?(line: String) {
        let parts = line.split(separator: " ", omittingEmptySubsequences: false).map { PercentText.decoded($0) }
        let words = parts.compactMap { $0 }
        guard words.count == parts.count, let first = words.first else { return nil }
        let arguments = Array(words.dropFirst())
        switch (first, arguments.count) {
        case ("status", 0): self = .status
        case ("reload", 0): self = .reload
        case ("bans", 0): self = .listBans
        case ("bans-add", 3):
            guard let seconds = UInt64(arguments[1]) else { return nil }
            self = .addBan(subject: arguments[0], seconds: seconds, reason: arguments[2])
        case ("bans-remove", 1): self = .removeBan(subject: arguments[0])
        case ("limits", 0): self = .listLimits
        case ("limits-get", 1): self = .getLimit(key: arguments[0])
        case ("limits-reset", 1): self = .resetLimit(key: arguments[0])
        case _: return nil
        }
    }
}

/// What the bytes received so far on a control connection amount to.
public enum ControlInput: Hashable, Sendable {
    /// No LF yet, and there is room for more.
    case incomplete
    case request(ControlRequest)
    /// Answer with the error and close.
    case refused(ControlRequestError)

    /// Judges `received`, all bytes of the connection; there is one request a connection and nothing may follow it.
    public init(_ received: [UInt8]) {
        guard let end = received.firstIndex(of: 0x0A) else {
            self = received.count < ControlRequest.maxLine ? .incomplete : .refused(.tooLong)
            return
        }
        guard end < ControlRequest.maxLine else {
            self = .refused(.tooLong)
            return
        }
        guard end == received.count - 1 else {
            self = .refused(.trailingBytes)
            return
        }
        let line = String(decoding: received[..<end], as: UTF8.self)
        self = ControlRequest(line: line).map { .request($0) } ?? .refused(.unknown)
    }
}

/// Why a request was not understood; the asker's fault.
public enum ControlRequestError: Error, Hashable, Sendable, CustomStringConvertible {
    case tooLong
    case trailingBytes
    case unknown

    public var description: String {
        switch self {
        case .tooLong: "the request is longer than \(ControlRequest.maxLine) octets"
        case .trailingBytes: "something follows the request"
        case .unknown: "unknown request; known: \(ControlRequest.words.joined(separator: ", "))"
        }
    }
}

/// Text as one word of visible ASCII (RFC 3986 2.1).
enum PercentText {
    static func encoded(_ text: String) -> String {
        if text.isEmpty { return "%" }
        return text.utf8.map { octet in
            if octet > 0x20, octet < 0x7F, octet != UInt8(ascii: "%") { return String(UnicodeScalar(octet)) }
            let digits = String(octet, radix: 16, uppercase: true)
            return "%" + (digits.utf8.count < 2 ? "0" : "") + digits
        }.joined()
    }

    /// nil if `word` is not what `encoded` writes.
    static func decoded(_ word: Substring) -> String? {
        if word == "%" { return "" }
        var octets: [UInt8] = []
        var rest = Array(word.utf8)[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "%") else {
                octets.append(octet)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard rest.count >= 2, let value = UInt8(digits, radix: 16) else { return nil }
            octets.append(value)
            rest = rest.dropFirst(2)
        }
        guard let text = String(validating: octets, as: UTF8.self), encoded(text) == word else { return nil }
        return text
    }
}
