import Bytes
import SMTPWire

/// PROXY headers: never guessed from a part, and written again for the same client.
enum ProxyTarget {
    static func check(_ input: [UInt8]) throws(Complaint) {
        let bytes = Array(input.prefix(8192))
        let outcome = ProxyHeader.parse(bytes.span.bytes)
        try checkPrefixes(bytes, outcome)
        guard case .header(let header, let length) = outcome else { return }
        try require((1...bytes.count).contains(length), "a header of \(length) octets in \(bytes.count)")
        if case .client(let source, let destination) = header.origin { try checkEncoding(source, destination) }
    }

    /// What is final for a part is final for the whole; and a header is seen with its last octet.
    private static func checkPrefixes(_ bytes: [UInt8], _ outcome: ProxyHeader.Outcome) throws(Complaint) {
        for count in 0..<min(bytes.count, 600) {
            let prefix = Array(bytes.prefix(count))
            let early = ProxyHeader.parse(prefix.span.bytes)
            switch (early, outcome) {
            case (.incomplete, .header(_, let length)):
                try require(count < length, "incomplete at \(count) of \(length) octets")
            case (.incomplete, _):
                break
            case (.header(_, let length), _):
                try require(length <= count, "a header of \(length) octets after \(count)")
                try require(early == outcome, "\(early) after \(count) octets, then \(outcome)")
            case (.notProxy, _):
                try require(outcome == .notProxy, "\(early) after \(count) octets, then \(outcome)")
            case (.invalid, _):
                guard case .invalid = outcome else { throw Complaint(text: "\(early), then \(outcome)") }
            }
        }
    }

    private static func checkEncoding(_ source: Endpoint, _ destination: Endpoint) throws(Complaint) {
        let expected = ProxyHeader.Origin.client(source: source, destination: destination)
        let v1 = written { ProxyHeader.encodeV1(source: source, destination: destination, to: &$0) }
        let v2 = written { ProxyHeader.encodeV2(source: source, destination: destination, to: &$0) }
        for header in [v1, v2] {
            guard case .header(let again, let length) = ProxyHeader.parse(header.span.bytes) else {
                throw Complaint(text: "not a header: \(shown(header))")
            }
            try require(length == header.count, "\(length) of \(header.count) octets")
            try require(again.origin == expected, "\(again.origin) instead of \(expected)")
        }
    }
}
