public import Bytes

/// Someone who may log in at a sink.
public struct MailSinkUser: Sendable {
    public var name: String
    public var password: String

    public init(_ name: String, password: String) {
        self.name = name
        self.password = password
    }
}

/// What becomes of the messages that a sink takes.
public enum MailSinkStorage: Sendable {
    /// Counted and forgotten, their content is not even gathered.
    case discard
    /// `NNNN.eml` in this folder, which must exist: the envelope as header lines, then the content as it came.
    case folder(String)
    /// Called on the sink's thread, before the 250.
    case handler(@Sendable (SunkMessage) -> Void)
}

/// How a sink behaves.
public struct MailSinkOptions: Sendable {
    /// Where it listens; port 0 lets the kernel choose.
    ///
    /// Whoever can connect may use XCLIENT, so keep it on loopback.
    public var endpoint = Endpoint(address: IPAddress(v4: 0x7F00_0001), port: 0)
    /// Its name in the greeting and in the reply to EHLO.
    public var hostname = "sink.example.org"
    /// Domains that it takes mail for from anybody, in lower case; everything else needs a login.
    public var domains: [String] = []
    /// Without users AUTH is not offered.
    public var users: [MailSinkUser] = []
    public var storage = MailSinkStorage.discard
    /// Octets of a message (RFC 1870).
    public var maxMessageSize: UInt64 = 50 << 20

    public init() {}
}
