internal import Bytes
internal import Diagnostics
internal import PolicyLanguage

/// What concerns the process: its name and user, `state:`, `admin:`, `log:`, `bans:`.
extension PlanReader {
    /// The format's version; anything but 1 is from another time.
    func checkVersion(_ pair: YAMLNode.Pair?) {
        guard let pair, let text = text(pair), text != "1" else { return }
        error(.badValue, pair.value.range, "version '\(text)' is not known", hint: "this program reads version 1")
    }

    func user(_ pair: YAMLNode.Pair?) -> String {
        guard let pair, let text = text(pair) else { return ConfigurationKeys.defaultText("user") }
        let isPlain = text.utf8.allSatisfy {
            ASCII.isLetter($0) || ASCII.isDigit($0) || [ASCII.hyphen, ASCII.dot, 0x5F].contains($0)
        }
        if !isPlain || text.utf8.count > 32 {
            error(.badValue, pair.value.range, "'\(text)' is not a user name")
        } else if text == "root" {
            error(.badValue, pair.value.range, "the process must not stay root", hint: "name an unprivileged user")
        }
        return text
    }

    func domains(_ pair: YAMLNode.Pair?) -> [DomainPattern] {
        var result: [DomainPattern] = []
        for item in list(pair) {
            guard let pattern = domainPattern(item) else { continue }
            if result.contains(pattern) { error(.duplicateName, item.range, "'\(pattern)' is given twice") }
            result.append(pattern)
        }
        return result
    }

    func state(_ pair: YAMLNode.Pair?) -> StatePlan {
        guard let pair else { return StatePlan() }
        let section = section(pair.value, "state", shown: "'state'", at: pair.keyRange)
        let store = store(section)
        let path = path(section["path"])
        if let path { checkDirectory(of: path) }
        return StatePlan(store: store, path: path)
    }

    /// The longest path that fits sockaddr_un, octets without the final NUL.
    private static let longestSocketPath = 107

    func admin(_ pair: YAMLNode.Pair?) -> AdminPlan {
        let standard = PlannedPath(path: ConfigurationKeys.defaultText("admin.socket"), range: .file(source.name))
        guard let pair else { return AdminPlan(socket: standard) }
        let section = section(pair.value, "admin", shown: "'admin'", at: pair.keyRange)
        let socket = path(section["socket"]) ?? standard
        if socket.path.utf8.count > Self.longestSocketPath {
            error(
                .outOfRange, socket.range, "too long for a Unix socket",
                hint: "at most \(Self.longestSocketPath) octets: \(socket.path)")
        }
        return AdminPlan(socket: socket)
    }

    func bans(_ pair: YAMLNode.Pair?) -> [AddressPrefix] {
        guard let pair else { return [] }
        return prefixes(section(pair.value, "bans", shown: "'bans'", at: pair.keyRange)["never"])
    }
}

// MARK: Log

extension PlanReader {
    func log(_ pair: YAMLNode.Pair?) -> LogPlan {
        let ident = ConfigurationKeys.defaultText("log.ident")
        guard let pair else { return LogPlan(format: .postfix, destination: .stderr, ident: ident) }
        let section = section(pair.value, "log", shown: "'log'", at: pair.keyRange)
        return LogPlan(
            format: choice(section["format"]) ?? .postfix, destination: destination(section["to"]),
            ident: self.ident(section["ident"]) ?? ident)
    }

    /// A word without a slash is a slip more often than a file.
    private func destination(_ pair: YAMLNode.Pair?) -> LogPlan.Destination {
        guard let pair, let text = text(pair) else { return .stderr }
        switch text {
        case "stderr": return .stderr
        case "syslog": return .syslog
        case _ where text.contains("/"):
            guard let path = path(pair) else { return .stderr }
            checkDirectory(of: path)
            return .file(path)
        default:
            error(
                .badValue, pair.value.range, "'to' cannot be '\(text)'",
                hint: Suggestion.nearest(to: text, in: ["stderr", "syslog"]).map { "did you mean '\($0)'?" },
                notes: ["values of to: stderr syslog PATH (with a slash in it)"])
            return .stderr
        }
    }

    private func checkDirectory(of path: PlannedPath) {
        let directory = FilePaths.directory(of: path.path)
        if checks.fileStatus(directory) == .missing {
            error(.fileMissing, path.range, "no such directory", hint: "looked for \(directory)")
        } else if checks.fileStatus(path.path) == .notAFile {
            error(.fileUnreadable, path.range, "not a file", hint: path.path)
        }
    }

    /// RFC 3164 §5.3: the tag must not look like the end of itself.
    private func ident(_ pair: YAMLNode.Pair?) -> String? {
        guard let pair, let text = text(pair) else { return nil }
        let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && ![ASCII.colon, 0x5B, 0x5D].contains($0) }
        if isPlain, text.utf8.count <= 64 { return text }
        error(
            .badValue, pair.value.range, "'\(text)' cannot be an ident",
            hint: "at most 64 printable characters without : [ ]")
        return nil
    }
}
