/// What may be asked of a running daemon over its control socket: one line, one word of a closed list.
public enum ControlRequest: String, CaseIterable, Sendable {
    case status
    /// Checks the configuration and applies it if it has no errors.
    case reload

    /// Octets of the longest line that is read, its LF included.
    public static let maxLine = 64

    /// The request as it is sent.
    public var line: [UInt8] { Array("\(rawValue)\n".utf8) }
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
        let word = String(decoding: received[..<end], as: UTF8.self)
        self = ControlRequest(rawValue: word).map { .request($0) } ?? .refused(.unknown)
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
        case .unknown: "unknown request; known: \(ControlRequest.allCases.map(\.rawValue).joined(separator: ", "))"
        }
    }
}
