internal import Bytes
internal import Policy

/// Somebody without a login and without a verified certificate, whose address lies outside every net that the rules
/// name (nets wider than /16, or /32 of IPv6, make nobody an insider).
///
/// What an outsider can choose (HELO, sender, when to come, whether to use TLS) is not known; everything else is.
struct Outsider {
    let listener: ListenerFacts
    let isInsideTLS: Bool
    let recipient: RecipientFacts
    /// Of the policy that is asked.
    var lists: [String: List] = [:]
    /// Its lists of nets that are wide enough for him to come from.
    var wideLists: Set<String> = []
    /// Tags that rules may have given so far.
    var tags: Set<String> = []

    /// What an atom (an expression without `and`, `or`, `not`) is for him; nil if it depends on what he chooses.
    func value(_ atom: Expression) -> Bool? {
        switch atom.node {
        case .literal(.bool(let value)): return value
        case .field(let field): return flag(field)
        case .has(let field): return isThere(field)
        case .compare(let operation, let a, let b): return compared(operation, a, b)
        case .textTest(let test, let a, let b):
            guard let text = text(a), let other = self.text(b) else { return isNobodys(a) ? false : nil }
            return TextMatch.holds(test, text, other)
        case .matches(let a, let pattern): return matches(a, pattern)
        case .inList(let a, let list): return isIn(a, list)
        case .inItems(let a, let items): return isIn(a, items)
        case .inMap(let a, _, let key): return isNobodys(a) || isNobodys(key) ? false : nil
        case .inWords(let word, _):
            guard case .literal(.text(let tag)) = word.node else { return nil }
            return tags.contains(String(decoding: tag, as: UTF8.self)) ? nil : false
        case .literal, .remaining, .not, .and, .or: return nil
        }
    }

    private func flag(_ field: Field) -> Bool? {
        switch field {
        case .tlsActive: isInsideTLS
        case .authOK, .clientCertVerified: false
        case .rcptHasRouting: recipient.hasRouting
        case _: nil
        }
    }

    private func isThere(_ field: Field) -> Bool? {
        switch field.presence {
        case .always: true
        case .sometimes: nil
        case .guarded(let by, _): flag(by)
        }
    }

    /// Fields whose value an outsider does not have, or cannot make equal to anything that a rule names.
    private func isNobodys(_ expression: Expression) -> Bool {
        guard case .field(let field) = expression.node else { return false }
        switch field {
        case .authUser, .authDomain, .clientCertSubject, .clientCertFingerprint, .clientName: return true
        case .clientIP, .clientNet: return true
        case _: return false
        }
    }

    // MARK: Values

    /// The text, where it is known.
    private func text(_ expression: Expression) -> [UInt8]? {
        switch expression.node {
        case .literal(.text(let text)): text
        case .field(.rcptAddress): recipient.address
        case .field(.rcptLocal): recipient.local
        case .field(.rcptDomain): recipient.domain
        case .field(.listenerName): Array(listener.name.utf8)
        case _: nil
        }
    }

    private func compared(_ operation: Comparison, _ a: Expression, _ b: Expression) -> Bool? {
        if let left = text(a), let right = text(b) {
            // Names are compared in lower case; a literal for the name of a listener keeps its case.
            let isEqual = left.map(ASCII.lowercased) == right.map(ASCII.lowercased)
            return operation == .equal ? isEqual : operation == .unequal ? !isEqual : nil
        }
        if case .field(.listenerPort) = a.node, case .literal(.int(let port)) = b.node {
            return IntegerComparison.holds(operation, Int64(listener.port), port)
        }
        if isNobodys(a) || isNobodys(b) {
            return operation == .equal ? false : operation == .unequal ? true : nil
        }
        return nil
    }

    private func isIn(_ value: Expression, _ name: String) -> Bool? {
        guard let list = lists[name] else { return nil }
        if list.isEmpty { return false }
        if let text = text(value) { return list.contains(text.span, on: 0) }
        guard case .field(let field) = value.node, field == .clientIP || field == .clientNet else {
            return isNobodys(value) ? false : nil
        }
        // A wide net names nobody in particular, so he may come from it.
        return wideLists.contains(name) ? nil : false
    }

    private func isIn(_ value: Expression, _ items: [Policy.Literal]) -> Bool? {
        if let text = text(value) {
            return items.contains { item in
                guard case .text(let other) = item else { return false }
                return text.map(ASCII.lowercased) == other.map(ASCII.lowercased)
            }
        }
        guard case .field(let field) = value.node, field == .clientIP || field == .clientNet else {
            return isNobodys(value) ? false : nil
        }
        let hasWide = items.contains { item in
            if case .cidr(let prefix) = item { prefix.isWide } else { false }
        }
        return hasWide ? nil : false
    }

    /// A pattern is asked of what is known; of the rest he may choose a match.
    private func matches(_ value: Expression, _ pattern: String) -> Bool? {
        guard let text = text(value), let pattern = try? Pattern(pattern) else { return nil }
        return pattern.isFound(in: text)
    }
}

extension AddressPrefix {
    /// Wider than any one organisation's net.
    var isWide: Bool { length < (address.isV4 ? 16 : 32) }
}

/// The tests of texts on whole texts.
enum TextMatch {
    static func holds(_ test: TextTest, _ text: [UInt8], _ other: [UInt8]) -> Bool {
        let other = other.map(ASCII.lowercased)
        let text = text.map(ASCII.lowercased)
        guard other.count <= text.count else { return false }
        switch test {
        case .startsWith: return text.starts(with: other)
        case .endsWith: return text.suffix(other.count).elementsEqual(other)
        case .contains:
            return other.isEmpty
                || (0...(text.count - other.count)).contains { text[$0..<($0 + other.count)].elementsEqual(other) }
        }
    }
}

enum IntegerComparison {
    static func holds(_ operation: Comparison, _ a: Int64, _ b: Int64) -> Bool {
        switch operation {
        case .equal: a == b
        case .unequal: a != b
        case .less: a < b
        case .lessOrEqual: a <= b
        case .greater: a > b
        case .greaterOrEqual: a >= b
        }
    }
}
