/// Why a command line was not understood; the client's fault, answered without asking anyone.
public struct CommandFault: Error, Equatable, Sendable {
    public let verb: Verb
    public let kind: Kind

    public init(verb: Verb, kind: Kind) {
        self.verb = verb
        self.kind = kind
    }

    public enum Kind: UInt8, Error, CaseIterable, Sendable {
        /// 500 5.5.2
        case unknownCommand
        /// 501 5.5.4
        case syntax
        /// 501 5.1.7 for MAIL, 501 5.1.3 for RCPT
        case badAddress
        /// 553 5.6.7: an address outside ASCII and no SMTPUTF8 (RFC 6531 3.5)
        case needsSMTPUTF8
        /// 555 5.5.4
        case unknownParameter
        /// 501 5.5.4
        case parameterValue
        /// 501 5.5.4
        case duplicateParameter
        /// 501 5.5.4
        case missingArgument
        /// 501 5.5.4
        case unexpectedArgument
        /// 501 5.5.2: the initial response of AUTH is not base64 (RFC 4954 4)
        case badBase64
        /// 501 5.5.4 and close: the length of the payload is not known
        case badChunkSize
        /// 552 5.3.4
        case sizeOverflow
        /// 501 5.5.2: a control character, or an octet outside ASCII where none may stand
        case illegalBytes
        /// 554 5.5.0 and close: not SMTP
        case forbidden
    }
}
