public import Bytes

/// Who a report is about; the same for all reports of a session but for what it learns.
///
/// One reference, since every line of the log keeps one: the contents are copied only when a session learns something
/// that reports already tell otherwise.
public struct SessionIdentity: Hashable, Sendable {
    private var contents: Contents

    private final class Contents: @unchecked Sendable {
        var values: Values

        init(_ values: Values) {
            self.values = values
        }
    }

    private struct Values: Hashable {
        var sid: String
        var listener: String
        var client: Endpoint
        var clientName: String?
        var helo: String
        var protocolName: String
        var tls: TLSFacts?
        var user: [UInt8]?
    }

    public init(
        sid: String, listener: String, client: Endpoint, clientName: String? = nil, helo: String = "",
        protocolName: String = "SMTP", tls: TLSFacts? = nil, user: [UInt8]? = nil
    ) {
        contents = Contents(
            Values(
                sid: sid, listener: listener, client: client, clientName: clientName, helo: helo,
                protocolName: protocolName, tls: tls, user: user))
    }

    public static func == (a: SessionIdentity, b: SessionIdentity) -> Bool { a.contents.values == b.contents.values }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(contents.values)
    }

    /// The contents, of which nobody else has a copy.
    private var own: Contents {
        mutating get {
            if !isKnownUniquelyReferenced(&contents) { contents = Contents(contents.values) }
            return contents
        }
    }
}

extension SessionIdentity {
    /// The session's id, unique on this machine.
    public var sid: String { contents.values.sid }
    public var listener: String { contents.values.listener }
    public var client: Endpoint { contents.values.client }

    public var clientName: String? {
        get { contents.values.clientName }
        set { own.values.clientName = newValue }
    }

    public var helo: String {
        get { contents.values.helo }
        set { own.values.helo = newValue }
    }

    /// `SMTP`, `ESMTP`.
    public var protocolName: String {
        get { contents.values.protocolName }
        set { own.values.protocolName = newValue }
    }

    /// Present while the connection is inside TLS.
    public var tls: TLSFacts? {
        get { contents.values.tls }
        set { own.values.tls = newValue }
    }

    /// The login that holds now.
    public var user: [UInt8]? {
        get { contents.values.user }
        set { own.values.user = newValue }
    }
}
