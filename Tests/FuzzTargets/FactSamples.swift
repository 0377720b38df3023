import Bytes
import Policy

/// Moments of sessions that policies are asked about: nothing known, everything known, and some in between.
enum FactSamples {
    static let all: [Facts] = [bare, login, stranger, full]

    private static func connection(_ address: String, _ port: UInt16) -> Facts {
        let client = Endpoint(address: IPAddress(address) ?? IPAddress(v4: 0xCB00_7107), port: 4711)
        let local = Endpoint(address: IPAddress(v4: 0xC000_0201), port: port)
        return Facts(
            client: ClientFacts(endpoint: client, local: local), listener: ListenerFacts(name: "mx", port: port))
    }

    /// Everything that may be absent is.
    private static let bare = connection("203.0.113.7", 25)

    private static let login: Facts = {
        var facts = connection("2001:db8::7", 587)
        facts.helo.name = Array("laptop.example.net".utf8)
        facts.tls = TLSFacts(version: .tls12, cipher: "ECDHE-ECDSA-AES128-GCM-SHA256")
        facts.auth.user = Array("bob@example.org".utf8)
        facts.auth.mechanism = "PLAIN"
        facts.sender = SenderFacts(
            local: Array("alice".utf8), domain: Array("example.org".utf8), size: nil, isNull: false,
            usesSMTPUTF8: false)
        return facts
    }()

    private static let stranger: Facts = {
        var facts = connection("198.51.100.9", 25)
        facts.client.talkedEarly = true
        facts.client.protocolErrors = 3
        facts.helo.name = Array("[198.51.100.9]".utf8)
        facts.helo.isAddressLiteral = true
        facts.sender = SenderFacts(local: [], domain: [], size: 1000, isNull: true, usesSMTPUTF8: false)
        facts.recipient = RecipientFacts(
            local: Array("user%example.com".utf8), domain: Array("example.org".utf8), hasRouting: true)
        facts.recipients.asked = 40
        facts.recipients.rejected = 12
        facts.backendCode = 550
        facts.auth.login = Array("alice".utf8)
        facts.auth.result = .badCredentials
        facts.auth.failures = 2
        facts.session.tags = ["early"]
        return facts
    }()

    private static let full: Facts = {
        var facts = connection("10.1.2.3", 465)
        facts.client.name = Array("mail.example.net".utf8)
        facts.helo.name = Array("mail.example.net".utf8)
        facts.tls = TLSFacts(
            version: .tls13, cipher: "TLS_AES_128_GCM_SHA256", serverName: "mail.example.org", isResumed: true,
            clientCertificate: ClientCertificateFacts(isVerified: true, subject: "CN=Partner", fingerprint: "00ff"))
        facts.auth.user = Array("alice@example.org".utf8)
        facts.auth.mechanism = "SCRAM-SHA-256"
        facts.sender = SenderFacts(
            local: Array("alice".utf8), domain: Array("example.org".utf8), size: 30 << 20, isNull: false,
            usesSMTPUTF8: true, body: .eightBit)
        facts.recipient = RecipientFacts(
            local: Array("bob".utf8), domain: Array("example.com".utf8), hasRouting: false)
        facts.recipients.asked = 1
        facts.backendCode = 250
        facts.message.size = 12_345
        facts.message.hasBareLF = true
        facts.message.content = ContentFacts(
            receivedCount: 30, lineMax: 998, fromCount: 1,
            from: (Array("alice@example.org".utf8), Array("example.org".utf8)), subject: Array("Hi".utf8))
        facts.session.messages = 4
        facts.session.commands = 30
        facts.session.age = 18_000_000_000
        facts.session.tags = ["seen", "bulk"]
        facts.now = CalendarFacts(day: 20_700, hour: 13, weekday: 6)
        return facts
    }()
}
