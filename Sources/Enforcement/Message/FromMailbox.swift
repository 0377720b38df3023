import Bytes
import Policy

/// The mailbox of a `From:` field (RFC 5322 3.4), strictly read: whatever could be understood in two ways is none.
struct FromMailbox: Equatable {
    /// Canonical.
    let local: [UInt8]
    let domain: [UInt8]

    var address: [UInt8] { local + [ASCII.at] + domain }

    /// nil unless the body holds exactly one mailbox: no list, no group, no route, nothing unbalanced.
    init?(_ body: [UInt8]) {
        var reader = Reader()
        for octet in body where !reader.isBroken { reader.read(octet) }
        guard let spec = reader.result, let at = spec.lastIndex(of: ASCII.at) else { return nil }
        let (local, domain) = (Array(spec[..<at]), Array(spec[(at + 1)...]))
        guard Self.isLocal(local), Self.isDomain(domain) else { return nil }
        self.local = CanonicalName.local(local)
        self.domain = CanonicalName.domain(domain)
    }

    private static func isLocal(_ text: [UInt8]) -> Bool {
        if text.first == ASCII.quote { return text.count >= 2 && text.last == ASCII.quote }
        let special = Array(" \t\"(),:;<>@[\\]".utf8)
        return !text.isEmpty && text.allSatisfy { $0 > 0x20 && $0 != ASCII.del && !special.contains($0) }
    }

    private static func isDomain(_ text: [UInt8]) -> Bool {
        if text.first == UInt8(ascii: "[") { return text.count > 2 && text.last == UInt8(ascii: "]") }
        return !text.isEmpty
            && text.allSatisfy {
                ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == ASCII.hyphen || $0 == ASCII.dot || $0 == 0x5F
                    || $0 >= 0x80
            }
    }

    /// Takes comments away and tells phrase, angle brackets and quotes apart.
    private struct Reader {
        private enum Angle {
            case none, open, closed
        }

        private(set) var isBroken = false
        private var angle = Angle.none
        private var depth = 0
        private var isQuoted = false
        private var isEscaped = false
        /// What stands outside of brackets and comments.
        private var bare: [UInt8] = []
        private var inside: [UInt8] = []

        mutating func read(_ octet: UInt8) {
            if isEscaped {
                isEscaped = false
                if depth == 0 { keep(octet) }
            } else if octet == ASCII.backslash {
                if depth == 0, !isQuoted { isBroken = true }
                isEscaped = true
                if depth == 0 { keep(octet) }
            } else if isQuoted {
                if octet == ASCII.quote { isQuoted = false }
                keep(octet)
            } else if depth > 0 {
                if octet == UInt8(ascii: "(") { depth += 1 }
                if octet == UInt8(ascii: ")") { depth -= 1 }
            } else {
                readPlain(octet)
            }
        }

        private mutating func readPlain(_ octet: UInt8) {
            switch octet {
            case UInt8(ascii: "("): depth = 1
            case ASCII.quote:
                isQuoted = true
                keep(octet)
            case ASCII.less:
                if angle != .none { isBroken = true }
                angle = .open
            case ASCII.greater:
                if angle != .open { isBroken = true }
                angle = .closed
            case ASCII.comma, ASCII.colon, UInt8(ascii: ";"), UInt8(ascii: ")"):
                // An address literal such as [IPv6:2001:db8::1] has colons of its own.
                if octet == ASCII.colon, isInLiteral { keep(octet) } else { isBroken = true }
            default:
                keep(octet)
            }
        }

        private var isInLiteral: Bool {
            let text = angle == .open ? inside : bare
            guard let open = text.lastIndex(of: UInt8(ascii: "[")) else { return false }
            return !text[open...].contains(UInt8(ascii: "]"))
        }

        private mutating func keep(_ octet: UInt8) {
            switch angle {
            case .none: bare.append(octet)
            case .open: inside.append(octet)
            case .closed: if octet != ASCII.space, octet != ASCII.tab { isBroken = true }
            }
        }

        /// The address, without white space around it.
        var result: [UInt8]? {
            if isBroken || isQuoted || isEscaped || depth > 0 || angle == .open { return nil }
            let text = angle == .closed ? inside : bare
            let isBlank = { (octet: UInt8) in octet == ASCII.space || octet == ASCII.tab }
            guard let first = text.firstIndex(where: { !isBlank($0) }),
                let last = text.lastIndex(where: { !isBlank($0) })
            else { return nil }
            return Array(text[first...last])
        }
    }
}
