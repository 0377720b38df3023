public import Diagnostics
public import PolicyLanguage

/// What a path leads to.
public enum FileStatus: Sendable, Hashable {
    case readable
    case missing
    /// It is there, and this user may not read it.
    case unreadable
    /// A directory or something stranger.
    case notAFile
}

/// What is wrong with a certificate and its key.
public struct CertificateProblem: Sendable, Hashable {
    /// Which of the two paths it is shown at.
    public enum File: Sendable, Hashable { case chain, key }

    public var severity: Severity
    public var file: File
    public var message: String
    public var hint: String?

    public init(_ severity: Severity, _ file: File, _ message: String, hint: String? = nil) {
        self.severity = severity
        self.file = file
        self.message = message
        self.hint = hint
    }
}

/// Opens a certificate chain and its key (absolute paths of readable files) and says what is wrong: unreadable PEM, a key
/// that does not match (errors), expiry, a name that it does not cover (warnings).
public typealias CertificateInspector = @Sendable (_ chain: String, _ key: String) -> [CertificateProblem]

/// What loading asks of the world outside the text; tests answer themselves.
public struct ConfigurationChecks: Sendable {
    public var fileStatus: @Sendable (_ path: String) -> FileStatus
    /// Nil looks into no certificate.
    public var inspect: CertificateInspector?
    /// How policy folders and lists are read.
    public var policies = PolicyLoader()

    /// Asks the file system, with the process's own rights.
    public init(inspect: CertificateInspector? = nil) {
        self.init(fileStatus: { FilePaths.status($0) }, inspect: inspect)
    }

    public init(fileStatus: @escaping @Sendable (String) -> FileStatus, inspect: CertificateInspector? = nil) {
        self.fileStatus = fileStatus
        self.inspect = inspect
    }
}
