internal import Diagnostics
internal import Policy

/// Reads policies: a folder with a policy.yaml, the file itself, or its text.
public struct PolicyLoader: Sendable {
    /// The file of a policy folder.
    public static let fileName = "policy.yaml"

    public var files: PolicyFiles
    /// What entries of lists expire against.
    public var today: Day

    public init(files: PolicyFiles = .system, today: Day = .today) {
        self.files = files
        self.today = today
    }

    /// Reads a folder or a file.
    ///
    /// `shown` is what the operator calls it; findings say that.
    public func load(path: String, shown: String? = nil) -> PolicyOutcome {
        let absolute = FilePaths.absolute(path, in: FilePaths.current)
        let isFile = absolute.hasSuffix(".yaml") || absolute.hasSuffix(".yml")
        let file = isFile ? absolute : absolute + "/" + Self.fileName
        let name = isFile ? shown ?? path : Self.joined(shown ?? path, Self.fileName)
        switch files.read(file, PolicyFiles.longestPolicy) {
        case .bytes(let bytes): return parse(bytes: bytes, name: name, directory: FilePaths.directory(of: file))
        case .missing: return Self.failure(name, .fileMissing, "no such file")
        case .unreadable: return Self.failure(name, .fileUnreadable, "cannot be read")
        case .tooLong:
            return Self.failure(
                name, .fileUnreadable, "longer than \(Units.size(UInt64(PolicyFiles.longestPolicy)))")
        }
    }

    private static func joined(_ folder: String, _ file: String) -> String {
        folder.hasSuffix("/") ? folder + file : folder + "/" + file
    }

    private func parse(bytes: [UInt8], name: String, directory: String) -> PolicyOutcome {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return Self.failure(name, .fileUnreadable, "not UTF-8")
        }
        return parse(text: text, name: name, directory: directory)
    }

    /// Reads a text; relative paths are relative to `directory`, which is absolute.
    public func parse(text: String, name: String, directory: String) -> PolicyOutcome {
        // A byte order mark is no part of the text, and libyaml would not count it.
        let isMarked = text.unicodeScalars.first == "\u{FEFF}"
        let source = SourceFile(name: name, text: isMarked ? String(text.unicodeScalars.dropFirst()) : text)
        let reader = PolicyReader(source: source, directory: directory, files: files, today: today)
        switch reader.kind(reader.document.root) {
        case .smtp: return sessions(reader, source)
        case .egress: return egress(reader, source)
        case nil: return outcome(reader, reader.findings)
        }
    }

    private func sessions(_ reader: PolicyReader, _ source: SourceFile) -> PolicyOutcome {
        let draft = reader.draft()
        var findings = reader.findings
        var policy: LoadedPolicy?
        if let draft {
            var compiler = RuleCompiler(draft, source: source)
            let hash = Fingerprint.hex(reader.hashed)
            let definition = compiler.compile(hash: hash)
            compiler.findings.forEach { findings.add($0) }
            policy = loaded(draft, definition, source, reader.listFiles)
        }
        return outcome(reader, findings, policy: policy)
    }

    private func egress(_ reader: PolicyReader, _ source: SourceFile) -> PolicyOutcome {
        let read = reader.document.root.flatMap { reader.egress($0) }
        let loaded = read.map {
            LoadedEgress(
                policy: $0.policy, file: source.name, nameRange: $0.nameRange, hash: Fingerprint.hex(reader.hashed),
                listFiles: reader.listFiles, zoneRanges: $0.zones)
        }
        return outcome(reader, reader.findings, egress: loaded)
    }

    /// A policy comes out only if nothing was reported as an error.
    private func outcome(
        _ reader: PolicyReader, _ findings: FindingCollector, policy: LoadedPolicy? = nil, egress: LoadedEgress? = nil
    ) -> PolicyOutcome {
        PolicyOutcome(
            policy: findings.hasErrors ? nil : policy, egress: findings.hasErrors ? nil : egress,
            findings: findings.sorted, sources: reader.sources, listFiles: reader.listFiles)
    }

    private func loaded(
        _ draft: PolicyDraft, _ definition: PolicyDefinition, _ source: SourceFile, _ listFiles: [String]
    ) -> LoadedPolicy {
        LoadedPolicy(
            name: draft.name, file: source.name, nameRange: draft.nameRange, hash: definition.hash,
            listFiles: listFiles, outline: draft.rules.map(\.outline),
            limitsInWords: draft.limits.map(\.inWords), base: definition,
            wideLists: Set(draft.lists.filter(\.hasWideNets).map(\.name)))
    }

    private static func failure(_ name: String, _ code: PolicyCode, _ message: String) -> PolicyOutcome {
        PolicyOutcome(
            policy: nil, findings: [Finding(.error, code.rawValue, at: .file(name), message)], sources: [],
            listFiles: [])
    }
}

extension RuleDraft {
    fileprivate var outline: RuleOutline {
        RuleOutline(
            id: id, stage: stage, mode: mode, range: range, when: condition?.text, unless: exception?.text,
            over: over.map(\.name), action: action.rawValue)
    }
}

extension ListDraft {
    fileprivate var hasWideNets: Bool {
        entries.contains { entry in
            if case .prefix(let prefix) = entry.value { prefix.isWide } else { false }
        }
    }
}

extension LimitDraft {
    /// What the operator gets: a limit passes at most burst + rate × t in any time t.
    var inWords: String {
        let most = burst.addingReportingOverflow(count).partialValue
        let what = cost == .senderSize ? "\(Units.size(most))" : "\(most)"
        let span = period == 86_400_000_000_000 ? "24 h" : period == 3_600_000_000_000 ? "1 h" : Units.duration(period)
        return "\(name): at most \(what) in any \(span)"
    }
}

/// A short name for a text.
public enum Fingerprint {
    /// FNV-1a, 64 bits, as 16 hexadecimal digits; no protection against intent.
    public static func hex(_ texts: [[UInt8]]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for text in texts {
            for octet in text { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01B3 }
            hash = (hash ^ 0xFF) &* 0x100_0000_01B3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
