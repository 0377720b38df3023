internal import Bytes
internal import Policy

/// Reads one entry of a list, from a line of a file or an inline item.
struct ListEntryReader {
    let type: ListType
    let requiresUntil: Bool

    struct Failure: Error, Equatable {
        let message: String
        let hint: String
    }

    /// The values of an entry (several for a line of a map) and the last day on which they count.
    func read(_ text: Substring) throws(Failure) -> (values: [EntryDraft.Value], until: Day?, note: String) {
        let (content, until, note) = try expiry(text)
        if until == nil, requiresUntil {
            throw Failure(message: "an entry of this list must expire", hint: "add 'until 2027-01-31'")
        }
        if type == .map { return (try pairs(content), until, note) }
        return ([try value(content)], until, note)
    }

    /// `ENTRY until DATE`, cut in two; a block of addresses may give a reason behind the date.
    private func expiry(_ text: Substring) throws(Failure) -> (Substring, Day?, String) {
        // Most entries are one word, and splitting by characters is slow.
        guard text.utf8.contains(where: { $0 == 0x20 || $0 == 0x09 }) else { return (text, nil, "") }
        let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" })
        let place = type == .cidr ? 1 : words.count - 2
        guard words.count >= 3, words[place] == "until" else { return (text, nil, "") }
        guard let day = Day(String(words[place + 1])) else {
            throw Failure(message: "'\(words[place + 1])' is not a day", hint: "such as 2027-01-31")
        }
        var content = text[..<words[place].startIndex]
        while let end = content.last, end == " " || end == "\t" { content.removeLast() }
        return (content, day, words[(place + 2)...].joined(separator: " "))
    }

    private func value(_ text: Substring) throws(Failure) -> EntryDraft.Value {
        switch type {
        case .cidr:
            guard let prefix = AddressPrefix(String(text)) else {
                throw Failure(message: "'\(text)' is not a CIDR block", hint: "such as 192.0.2.0/24 or 2001:db8::/32")
            }
            return .prefix(prefix)
        case .domain:
            guard let domain = Self.domain(text) else {
                throw Failure(
                    message: "'\(text)' is not a domain", hint: "such as example.org, or .example.org for those below")
            }
            return .text(domain)
        case .address:
            guard let address = Self.address(text) else {
                throw Failure(message: "'\(text)' is not an address", hint: "such as alice@example.org, or a login")
            }
            return .text(address)
        case .string, .map: return .text(Array(text.utf8))
        }
    }

    /// `KEY VALUE VALUE …`; names on both sides are compared in their one form.
    private func pairs(_ text: Substring) throws(Failure) -> [EntryDraft.Value] {
        let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == ":" || $0 == "," })
        guard let key = words.first, words.count > 1 else {
            throw Failure(
                message: "'\(text)' is not a key and its values", hint: "such as 'alice@example.org alice bob'")
        }
        return words.dropFirst().map { .pair(key: Self.name(key), value: Self.name($0)) }
    }

    // MARK: Names

    /// A name of any kind in its one form: an address, else lower case.
    static func name(_ text: some StringProtocol) -> [UInt8] {
        address(Substring(text)) ?? text.utf8.map(ASCII.lowercased)
    }

    /// Letters, digits and hyphens between dots; a leading dot for those below.
    private static func domain(_ text: Substring) -> [UInt8]? {
        let isSuffix = text.first == "."
        let name = isSuffix ? text.dropFirst() : text
        guard let canonical = DomainName.canonical(String(name)) else { return nil }
        return (isSuffix ? [ASCII.dot] : []) + Array(canonical.utf8)
    }

    /// A login without `@`, or a mailbox; quotes that are not needed are gone.
    private static func address(_ text: Substring) -> [UInt8]? {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, !bytes.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else { return nil }
        guard let at = bytes.lastIndex(of: ASCII.at) else { return CanonicalName.local(bytes) }
        let domain = CanonicalName.domain(Array(bytes[(at + 1)...]))
        guard at > 0, !domain.isEmpty, !domain.contains(ASCII.at) else { return nil }
        return CanonicalName.local(Array(bytes[..<at])) + [ASCII.at] + domain
    }
}
