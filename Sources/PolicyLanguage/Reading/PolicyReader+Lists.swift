internal import Diagnostics
internal import Policy

/// `lists:`.
extension PolicyReader {
    /// More mistakes in one file than this are not listed; nobody reads more.
    private static let mostMistakes = 20

    func lists(_ pair: YAMLNode.Pair?, broken: inout Set<String>) -> [ListDraft] {
        guard let pair, let entries = mapping(pair.value, "'lists'") else { return [] }
        return entries.compactMap { entry in
            let before = findings.errors
            let draft = listDraft(entry)
            if findings.errors > before { broken.insert(entry.key) }
            return draft
        }
    }

    /// One list, with the keys of a section of the table and of one of these types.
    func listDraft(
        _ pair: YAMLNode.Pair, section path: String = "lists.NAME", types: [ListType] = ListType.allCases,
        mayBeEmpty: Bool = false
    ) -> ListDraft? {
        guard name(pair.key, "list", at: pair.keyRange) != nil else { return nil }
        let shown = "list '\(pair.key)'"
        let before = findings.errors
        if pair.key == "our_domains" {
            error(
                .duplicateName, pair.keyRange, "'lists.our_domains' is predefined",
                hint: "it is 'domains:' of portreeve.yaml; take another name")
        }
        let section = section(pair.value, path, shown: shown, at: pair.keyRange)
        guard section.isReadable, let type = choice(section["type"], of: types) else { return nil }
        let reader = ListEntryReader(
            type: type, requiresUntil: choice(section["expires"], of: Expiry.allCases) == .required)
        var entries = section["items"].map { items($0, reader) } ?? []
        var path: String?
        if let file = section["file"], let name = text(file) {
            path = FilePaths.absolute(name, in: directory)
            entries += self.file(file, path ?? name, shownAs: name, reader)
        }
        if section["items"] == nil, section["file"] == nil {
            error(.missingKey, pair.keyRange, "\(shown) needs 'items' or 'file'")
        } else if entries.isEmpty, !mayBeEmpty, findings.errors == before {
            warning(.emptyList, pair.keyRange, "\(shown) is empty", hint: "nothing is in it")
        }
        return ListDraft(name: pair.key, range: pair.keyRange, type: type, entries: entries, file: path)
    }

    private enum Expiry: String, CaseIterable { case optional, required }

    // MARK: Inline

    private func items(_ pair: YAMLNode.Pair, _ reader: ListEntryReader) -> [EntryDraft] {
        if reader.type == .map, case .mapping(let entries) = pair.value.value {
            return entries.flatMap { map($0, reader) }
        }
        return list(pair).flatMap { node -> [EntryDraft] in
            guard let text = text(node, "items") else { return [] }
            return entry(text[...], reader) { node.range }
        }
    }

    private func map(_ pair: YAMLNode.Pair, _ reader: ListEntryReader) -> [EntryDraft] {
        oneOrMore(pair).compactMap { node in
            guard let value = text(node, pair.key) else { return nil }
            let key = ListEntryReader.name(pair.key)
            return EntryDraft(value: .pair(key: key, value: ListEntryReader.name(value)), until: nil)
        }
    }

    /// One entry; what is wrong with it is reported where `place` says.
    private func entry(_ text: Substring, _ reader: ListEntryReader, place: () -> SourceRange) -> [EntryDraft] {
        do throws(ListEntryReader.Failure) {
            let (values, until, note) = try reader.read(text)
            if let until, until < today {
                warning(.expiredEntry, place(), "this entry expired on \(until)", hint: "remove it")
            }
            // Places cost a search for the line; only entries that are few and timed are ever pointed at again.
            let range = until == nil ? nil : place()
            return values.map { EntryDraft(value: $0, until: until, note: note, range: range) }
        } catch {
            self.error(.badEntry, place(), error.message, hint: error.hint)
            return []
        }
    }

    // MARK: Files

    private func file(
        _ pair: YAMLNode.Pair, _ path: String, shownAs name: String, _ reader: ListEntryReader
    ) -> [EntryDraft] {
        listFiles.append(path)
        switch files.read(path, PolicyFiles.longestList) {
        case .bytes(let bytes):
            hashed.append(bytes)
            return lines(bytes, path, reader)
        case .missing: error(.fileMissing, pair.value.range, "no such file", hint: "looked for \(path)")
        case .unreadable: error(.fileUnreadable, pair.value.range, "not readable by this user", hint: path)
        case .tooLong:
            error(
                .fileUnreadable, pair.value.range, "longer than \(Units.size(UInt64(PolicyFiles.longestList)))",
                hint: path)
        }
        return []
    }

    /// One entry a line; `#` begins a comment at the start of a line or after a blank.
    private func lines(_ bytes: [UInt8], _ path: String, _ reader: ListEntryReader) -> [EntryDraft] {
        var result: [EntryDraft] = []
        var mistakes = 0
        var source: SourceFile?
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            let line = ListLine(bytes, start..<end)
            start = end + 1
            guard !line.isEmpty else { continue }
            let before = findings.count
            result += entry(line.text[...], reader) {
                let file = source ?? SourceFile(name: display(path), text: String(decoding: bytes, as: UTF8.self))
                source = file
                return file.range(at: line.octets.lowerBound, length: line.octets.count)
            }
            if findings.count > before { mistakes += 1 }
            if mistakes >= Self.mostMistakes { break }
        }
        if let source { sources.append(source) }
        return result
    }

    /// A list file beside the policy is shown as the policy itself is: as the operator named it.
    private func display(_ path: String) -> String {
        guard path.hasPrefix(directory + "/") else { return path }
        let folder = source.name.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return (folder.map(String.init) + [String(path.dropFirst(directory.utf8.count + 1))]).joined(separator: "/")
    }
}

/// A line of a list file without its comment and blanks at either end.
private struct ListLine {
    let octets: Range<Int>
    let text: String

    var isEmpty: Bool { octets.isEmpty }

    init(_ bytes: [UInt8], _ line: Range<Int>) {
        var end = line.lowerBound
        while end < line.upperBound {
            if bytes[end] == UInt8(ascii: "#"), end == line.lowerBound || Self.isBlank(bytes[end - 1]) { break }
            end += 1
        }
        var start = line.lowerBound
        while start < end, Self.isBlank(bytes[start]) { start += 1 }
        while end > start, Self.isBlank(bytes[end - 1]) { end -= 1 }
        octets = start..<end
        text = String(decoding: bytes[octets], as: UTF8.self)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
}
