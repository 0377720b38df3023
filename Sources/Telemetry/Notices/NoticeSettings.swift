/// Where operators are told what rules that say `notify: true` have found.
public struct NoticeSettings: Sendable, Hashable {
    /// Mail that goes straight to a mail server, past every listener and rule of ours.
    public struct Mail: Sendable, Hashable {
        public enum Security: Sendable, Hashable {
            case none, starttls, implicit
        }

        public var recipients: [String]
        /// `address:port`, an IPv6 address in brackets.
        public var server: String
        /// The name that its certificate must have; nil for its host.
        public var tlsName: String?
        public var security = Security.none
        public var verifies = true
        /// PEM; nil for the system's authorities.
        public var authorities: String?
        /// A PROXY header goes first, since the server wants one.
        public var sendsProxyHeader = false

        public init(recipients: [String], server: String) {
            self.recipients = recipients
            self.server = server
        }
    }

    public var hostname: String
    /// An http or https URL, which gets a POST with one JSON object.
    public var webhook: String?
    public var mail: Mail?

    public init(hostname: String) {
        self.hostname = hostname
    }

    public var isEmpty: Bool { webhook == nil && mail == nil }
}
