public import Diagnostics
internal import Policy
internal import PolicyLanguage

/// What came of a configuration: a plan if it has no error, and everything that was found, sorted.
public struct LoadOutcome: Sendable {
    /// Nil if `findings` has an error.
    public var plan: RunPlan?
    public var findings: [Finding]
    /// The texts that the findings point into.
    public var sources: [SourceFile]

    public init(plan: RunPlan?, findings: [Finding], sources: [SourceFile]) {
        self.plan = plan
        self.findings = findings
        self.sources = sources
    }

    /// The findings as they are printed.
    public func rendered(as format: FindingFormat = .text) -> String {
        FindingRenderer(sources: sources).render(findings, as: format)
    }
}

/// Reads portreeve.yaml into a `RunPlan`.
///
/// All mistakes of a file are found in one run.
public enum Configuration {
    /// The longest file that is read, octets.
    static let longestFile = 1 << 20

    /// Reads a file; relative paths in it are relative to its directory.
    public static func load(path: String, checks: ConfigurationChecks = ConfigurationChecks()) -> LoadOutcome {
        switch FilePaths.status(path) {
        case .readable: break
        case .missing: return failure(path, .fileMissing, "no such file")
        case .unreadable: return failure(path, .fileUnreadable, "not readable by this user")
        case .notAFile: return failure(path, .fileUnreadable, "not a file")
        }
        guard let bytes = FilePaths.read(path, limit: longestFile) else {
            return failure(path, .fileUnreadable, "cannot be read")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let valid = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\u{FFFD}" }
            let range = SourceFile(name: path, text: String(valid)).range(at: valid.utf8.count)
            return failure(at: range, .unreadableText, "not UTF-8")
        }
        return parse(text: text, name: path, directory: FilePaths.directory(of: path), checks: checks)
    }

    /// Reads a text.
    ///
    /// `name` stands in findings; relative paths are relative to `directory`, which is absolute.
    public static func parse(
        text: String, name: String, directory: String, checks: ConfigurationChecks = ConfigurationChecks()
    ) -> LoadOutcome {
        guard text.utf8.count <= longestFile else {
            return failure(name, .unreadableText, "longer than \(Units.size(UInt64(longestFile)))")
        }
        // A byte order mark is no part of the text, and libyaml would not count it.
        let isMarked = text.unicodeScalars.first == "\u{FEFF}"
        let source = SourceFile(name: name, text: isMarked ? String(text.unicodeScalars.dropFirst()) : text)
        let document = YAMLDocument(source)
        let reader = PlanReader(source: source, directory: directory, checks: checks)
        reader.add(document.findings)
        let plan = reader.plan(document.root)
        let isLoaded = !reader.findings.hasErrors
        return LoadOutcome(plan: isLoaded ? plan : nil, findings: reader.findings.sorted, sources: reader.sources)
    }

    /// Where the daemon of a file is asked; nil, with what is wrong, only if not even that can be read.
    ///
    /// A daemon goes on under its old configuration while its file has errors, and that is when it is asked most. Who
    /// asks need not be allowed to read keys and policies, so nothing else is looked at.
    public static func controlSocket(ofFile path: String) -> (socket: String?, outcome: LoadOutcome) {
        guard let bytes = FilePaths.read(path, limit: longestFile), let text = String(validating: bytes, as: UTF8.self)
        else { return (nil, load(path: path)) }
        let source = SourceFile(name: path, text: text)
        let document = YAMLDocument(source)
        let checks = ConfigurationChecks(fileStatus: { _ in .readable })
        let reader = PlanReader(source: source, directory: FilePaths.directory(of: path), checks: checks)
        guard let root = document.root, case .mapping(let pairs) = root.value else {
            return (nil, LoadOutcome(plan: nil, findings: document.findings, sources: [source]))
        }
        let admin = reader.admin(pairs.first { $0.key == "admin" })
        let outcome = LoadOutcome(plan: nil, findings: reader.findings.sorted, sources: [source])
        return (reader.findings.hasErrors ? nil : admin.socket.path, outcome)
    }

    private static func failure(_ name: String, _ code: ConfigurationCode, _ message: String) -> LoadOutcome {
        failure(at: .file(name), code, message)
    }

    private static func failure(at range: SourceRange, _ code: ConfigurationCode, _ message: String) -> LoadOutcome {
        LoadOutcome(plan: nil, findings: [Finding(.error, code.rawValue, at: range, message)], sources: [])
    }
}

extension PlanReader {
    /// The whole plan; what it holds where errors were reported means nothing.
    ///
    /// Nil if there is nothing to read.
    func plan(_ root: YAMLNode?) -> RunPlan? {
        guard let root, !root.isEmpty else {
            if !findings.hasErrors { error(.missingKey, .file(source.name), "the file is empty") }
            return nil
        }
        let top = section(root, "", shown: "the file", at: .file(source.name))
        checkVersion(top["version"])
        let certificates = certificates(top["certificates"])
        let domains = domains(top["domains"])
        let library = policyLibrary(top["policies"])
        // A gateway that only intercepts has no mail server of its own.
        if !isInterceptionAlone(top["listeners"]) { require("backends", in: top, "the file") }
        let context = ListenerContext(
            backends: backends(top["backends"]),
            hasCertificates: top["certificates"].map { $0.value.value != .sequence([]) } ?? false,
            protocolLimits: protocolLimits(top["protocol"], shown: "'protocol'", over: .init()),
            timeouts: timeouts(top["timeouts"]), policies: library,
            ourDomains: domains.map(\.description), tlsOptions: tlsOptions(top["tls"], over: .init()))
        let listeners = listeners(top["listeners"], context)
        return RunPlan(
            file: source.name, hash: Fingerprint.hex([Array(source.text.utf8)]), text: source.text,
            policyFiles: library.files, hostname: domain(top["hostname"]) ?? "",
            domains: domains, user: user(top["user"]),
            workers: number(top["workers"], in: 0...1024).map { Int(clamping: $0) } ?? 0,
            listeners: listeners, certificates: certificates, backends: context.backends,
            state: state(top["state"]), admin: admin(top["admin"]), log: log(top["log"]),
            notify: notify(top["notify"], context.backends), neverBanned: bans(top["bans"]),
            firewall: firewall(top["firewall"], listeners), protocolLimits: context.protocolLimits,
            timeouts: context.timeouts,
            tlsOptions: context.tlsOptions)
    }
}
