/// The reply of a rule: a code and a text in which some facts are filled in.
public struct ReplyTemplate: Sendable {
    public let code: UInt16
    let parts: [Part]

    enum Part: Sendable {
        case text([UInt8])
        case recipientAddress
    }

    /// A text whose `{rcpt.address}` is replaced by the recipient.
    public init(_ code: UInt16, _ text: String) {
        self.code = code
        parts = Self.split(text)
    }

    private static func split(_ text: String) -> [Part] {
        var parts: [Part] = []
        var rest = Substring(text)
        let placeholder = "{rcpt.address}"
        var text: [UInt8] = []
        while let first = rest.first {
            if rest.hasPrefix(placeholder) {
                parts += [.text(text), .recipientAddress]
                text = []
                rest = rest.dropFirst(placeholder.count)
            } else {
                text += Array(first.utf8)
                rest = rest.dropFirst()
            }
        }
        return parts + [.text(text)]
    }

    func rendered(with facts: borrowing Facts) -> ReplyText {
        var text: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let bytes): text += bytes
            case .recipientAddress: text += facts.recipient?.address ?? []
            }
        }
        return ReplyText(code: code, text: text)
    }
}

extension RecipientFacts {
    /// `local@domain`, or the local part alone for `<postmaster>`.
    public var address: [UInt8] {
        domain.isEmpty ? local : local + [UInt8(ascii: "@")] + domain
    }
}

extension SenderFacts {
    /// `local@domain`; empty for the null reverse-path.
    public var address: [UInt8] {
        isNull ? [] : local + [UInt8(ascii: "@")] + domain
    }
}
