import Bytes

/// The reply of a rule: a code and a text in which some facts are filled in.
public struct ReplyTemplate: Hashable, Sendable {
    public enum Part: Hashable, Sendable {
        case text([UInt8])
        case field(Field)
        /// `limit.retry_after`, in whole seconds, minutes or hours.
        case retryAfter
        /// `limits.NAME.remaining` of one of the policy's limits.
        case remaining(limit: String)
    }

    public let code: UInt16
    public let parts: [Part]

    /// Octets that the filled-in text has at most; with code, session id and CRLF a line stays below 512 (RFC 5321 4.5.3.1.5).
    static let maxLength = 480

    public init(code: UInt16, parts: [Part]) {
        self.code = code
        self.parts = parts
    }

    /// A text with placeholders such as `{rcpt.address}`; braces around anything else are text.
    public init(_ code: UInt16, _ text: String) {
        self.init(code: code, parts: Self.parts(of: Array(text.utf8)))
    }

    /// What may stand between braces.
    public static func placeholder(_ name: String) -> Part? {
        name == "limit.retry_after" ? .retryAfter : Field(path: name).map(Part.field)
    }

    private static func parts(of text: [UInt8]) -> [Part] {
        var parts: [Part] = []
        var plain: [UInt8] = []
        var rest = text[...]
        while let first = rest.popFirst() {
            let end = first == UInt8(ascii: "{") ? rest.firstIndex(of: UInt8(ascii: "}")) : nil
            guard let end, let part = placeholder(String(decoding: rest[..<end], as: UTF8.self)) else {
                plain.append(first)
                continue
            }
            if !plain.isEmpty { parts.append(.text(plain)) }
            plain = []
            parts.append(part)
            rest = rest[(end + 1)...]
        }
        return plain.isEmpty ? parts : parts + [.text(plain)]
    }

    /// The limits whose `remaining` it shows.
    var limits: [String] {
        parts.compactMap { part in
            if case .remaining(let limit) = part { limit } else { nil }
        }
    }

    /// The text with the facts as they are; `retryAfter` is nanoseconds.
    public func rendered(
        with facts: borrowing Facts, retryAfter: UInt64 = 0, remaining: (_ limit: String) -> Int64 = { _ in 0 }
    ) -> ReplyText {
        var text: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let plain): text += plain
            case .field(let field): Self.escape(field.text(in: facts) ?? [], into: &text)
            case .remaining(let limit): text += Array(String(remaining(limit)).utf8)
            case .retryAfter: text += Array(DurationText.rounded(up: retryAfter).utf8)
            }
        }
        return ReplyText(code: code, text: Array(text.prefix(Self.maxLength)))
    }

    /// Nothing that a peer sent can end the line or look like more than text.
    private static func escape(_ value: [UInt8], into text: inout [UInt8]) {
        let digits = Array("0123456789ABCDEF".utf8)
        for octet in value.prefix(maxLength) {
            if octet >= 0x20, octet < 0x7F, octet != ASCII.backslash {
                text.append(octet)
            } else {
                text += [ASCII.backslash, UInt8(ascii: "x"), digits[Int(octet >> 4)], digits[Int(octet & 15)]]
            }
        }
    }
}

/// Durations as people read them.
public enum DurationText {
    /// In whole seconds, minutes or hours, never less than `nanoseconds`: `18s`, `5min`, `2h`.
    public static func rounded(up nanoseconds: UInt64) -> String {
        let seconds = nanoseconds / 1_000_000_000 + (nanoseconds % 1_000_000_000 == 0 ? 0 : 1)
        if seconds < 120 { return "\(seconds)s" }
        let minutes = seconds / 60 + (seconds % 60 == 0 ? 0 : 1)
        if minutes < 120 { return "\(minutes)min" }
        return "\(minutes / 60 + (minutes % 60 == 0 ? 0 : 1))h"
    }
}
