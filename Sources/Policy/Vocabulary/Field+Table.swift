// The table of fields: the language checks with it and the documentation prints it.

extension StageSet {
    private static let all = from(.connect)
    private static let greeted = from(.helo)
    private static let transaction = from(.mail)
    private static let recipients = from(.rcpt)
    private static let recipient: StageSet = [.rcpt, .rcptReply]
    private static let login: StageSet = [.auth, .login, .authReply]

    fileprivate static func of(_ field: Field) -> StageSet {
        switch field {
        case .clientIP, .clientNet, .clientPort, .clientName, .clientTalkedEarly, .clientProtocolErrors, .listenerName,
            .listenerPort, .sessionMessages, .sessionCommands, .sessionAge, .sessionTags, .nowHour, .nowWeekday:
            all
        case .heloName, .heloIsIPLiteral, .tlsActive, .tlsVersion, .tlsCipher, .tlsSNI, .tlsResumed,
            .clientCertVerified,
            .clientCertSubject, .clientCertFingerprint, .authOK, .authUser, .authDomain, .authMechanism, .authFailures:
            greeted
        case .authLogin, .authKnownNet: [.login, .authReply]
        case .authResult, .authRepeated: [.authReply]
        case .authDistinctNets, .authRecipients, .authRejectedPercent, .authVolumePercent: transaction
        case .senderAddress, .senderLocal, .senderDomain, .senderIsNull, .senderSize, .senderSMTPUTF8, .senderBody:
            transaction
        case .rcptAddress, .rcptLocal, .rcptDomain, .rcptHasRouting: recipient
        case .rcptCount, .rcptRejected: recipients
        case .backendCode: [.authReply, .rcptReply]
        case .messageSize, .messageHasBareLF, .messageHasBareCR, .messageHasNUL, .messageReceivedCount, .messageLineMax,
            .fromHeaderCount, .fromHeaderAddress, .fromHeaderDomain, .messageSubject:
            [.message]
        }
    }

    fileprivate static var duringLogin: StageSet { login }
}

extension Field {
    /// Everything that is to be known about the field.
    public var row: FieldRow { Self.rows[Int(rawValue)] }

    private static let rows: [FieldRow] = allCases.map(\.written)

    private func line(_ path: String, _ type: FieldType, _ presence: Presence, _ meaning: String) -> FieldRow {
        FieldRow(path: path, type: type, stages: .of(self), presence: presence, meaning: meaning)
    }

    private func line(_ path: String, _ type: FieldType, _ meaning: String) -> FieldRow {
        line(path, type, .always, meaning)
    }

    private var written: FieldRow {
        switch self {
        case .clientIP: line("client.ip", .ip, "the client's address, after a trusted PROXY header")
        case .clientNet:
            line("client.net", .cidr, "the net that the client counts as: its IPv4 address or its IPv6 /64")
        case .clientPort: line("client.port", .int, "the client's TCP port")
        case .clientName:
            line("client.name", .text(.domain), .sometimes, "the client's forward-confirmed host name")
        case .clientTalkedEarly: line("client.talked_early", .bool, "the client sent something before our greeting")
        case .clientProtocolErrors:
            line("client.protocol_errors", .int, "how often the client has broken the protocol in this session")
        case .listenerName: line("listener.name", .text(.plain), "the listener's name in portreeve.yaml")
        case .listenerPort: line("listener.port", .int, "the listener's TCP port")
        case .heloName: line("helo.name", .text(.domain), "the argument of HELO or EHLO; empty before")
        case .heloIsIPLiteral:
            line("helo.is_ip_literal", .bool, "the argument is an address literal, such as [192.0.2.1]")
        case .tlsActive: line("tls.active", .bool, "the connection is inside TLS")
        case .tlsVersion: line("tls.version", .tlsVersion, .guarded(by: .tlsActive), "the negotiated version")
        case .tlsCipher: line("tls.cipher", .text(.plain), .guarded(by: .tlsActive), "the cipher suite's OpenSSL name")
        case .tlsSNI: line("tls.sni", .text(.domain), .sometimes, "the server name that the client asked for")
        case .tlsResumed: line("tls.resumed", .bool, .guarded(by: .tlsActive), "the TLS session was resumed")
        case .clientCertVerified:
            line("tls.client_cert.verified", .bool, "the client showed a certificate that our CA vouches for")
        case .clientCertSubject:
            line(
                "tls.client_cert.subject", .text(.plain), .guarded(by: .clientCertVerified), "the certificate's subject"
            )
        case .clientCertFingerprint:
            line(
                "tls.client_cert.fingerprint", .text(.lowercased), .guarded(by: .clientCertVerified),
                "the certificate's SHA-256 in hex")
        case .authOK, .authUser, .authDomain, .authMechanism, .authLogin, .authResult, .authFailures, .authKnownNet,
            .authRepeated:
            writtenOfLogin
        case .authDistinctNets, .authRecipients, .authRejectedPercent, .authVolumePercent: writtenOfAccount
        case .senderAddress, .senderLocal, .senderDomain, .senderIsNull, .senderSize, .senderSMTPUTF8, .senderBody,
            .rcptAddress, .rcptLocal, .rcptDomain, .rcptHasRouting, .rcptCount, .rcptRejected, .backendCode:
            writtenOfEnvelope
        case .messageSize, .messageHasBareLF, .messageHasBareCR, .messageHasNUL, .messageReceivedCount, .messageLineMax,
            .fromHeaderCount, .fromHeaderAddress, .fromHeaderDomain, .messageSubject:
            writtenOfMessage
        case .sessionMessages: line("session.messages", .int, "messages of this session that the backend took")
        case .sessionCommands: line("session.commands", .int, "commands of this session, this one included")
        case .sessionAge: line("session.age", .duration, "how long the session has lasted")
        case .sessionTags: line("session.tags", .words, "the tags that rules have given the session")
        case .nowHour: line("now.hour", .int, "the hour of local time, 0 to 23")
        case .nowWeekday: line("now.weekday", .int, "the day of the week in local time, 1 (Monday) to 7 (Sunday)")
        }
    }

    private var writtenOfLogin: FieldRow {
        switch self {
        case .authOK: line("auth.ok", .bool, "a login holds")
        case .authUser: line("auth.user", .text(.login), .guarded(by: .authOK), "the login that holds")
        case .authDomain:
            line("auth.domain", .text(.domain), .guarded(by: .authOK), "the domain of the login that holds")
        case .authMechanism:
            line(
                "auth.mechanism", .text(.plain), .guarded(by: .authOK, exceptAt: .duringLogin),
                "the SASL mechanism, upper case")
        case .authLogin: line("auth.login", .text(.login), "the login that is tried; empty if it was never said")
        case .authResult:
            line(
                "auth.result", .text(.plain),
                "how the login ended: ok, bad_credentials, temporary, cancelled or malformed")
        case .authKnownNet:
            line("auth.known_net", .bool, "the login that is tried held from this client net within the last 7 days")
        case .authRepeated:
            line(
                "auth.repeated", .bool,
                "the same password failed for this login before, within a day (told of PLAIN and LOGIN only)")
        case _: line("auth.failures", .int, "logins of this session that ended in bad_credentials")
        }
    }

    private var writtenOfAccount: FieldRow {
        switch self {
        case .authDistinctNets:
            line(
                "auth.distinct_nets", .int, .guarded(by: .authOK),
                "client nets from which the account logged in within 24 hours, this one included (256 at most)")
        case .authRecipients:
            line(
                "auth.recipients", .int, .guarded(by: .authOK),
                "the account's recipients of the last hour that the backend has answered")
        case .authRejectedPercent:
            line(
                "auth.rejected_percent", .int, .guarded(by: .authOK),
                "how many of them the backend refused, in percent; 0 below 10 recipients")
        case _:
            line(
                "auth.volume_percent", .int, .guarded(by: .authOK),
                "them in percent of the account's usual hour (an average of the hours in which it sends, at least 20)")
        }
    }

    private var writtenOfEnvelope: FieldRow {
        switch self {
        case .senderAddress: line("sender.address", .text(.address), "the envelope sender; empty for the null sender")
        case .senderLocal: line("sender.local", .text(.local), "the envelope sender's local part")
        case .senderDomain: line("sender.domain", .text(.domain), "the envelope sender's domain")
        case .senderIsNull: line("sender.is_null", .bool, "the envelope sender is <>")
        case .senderSize: line("sender.size", .size, .sometimes, "the size that MAIL declared")
        case .senderSMTPUTF8: line("sender.smtputf8", .bool, "MAIL asked for SMTPUTF8")
        case .senderBody: line("sender.body", .text(.plain), "BODY of MAIL: 7BIT, 8BITMIME or BINARYMIME")
        case .rcptAddress: line("rcpt.address", .text(.address), "this recipient")
        case .rcptLocal: line("rcpt.local", .text(.local), "this recipient's local part")
        case .rcptDomain: line("rcpt.domain", .text(.domain), "this recipient's domain; empty for <postmaster>")
        case .rcptHasRouting:
            line("rcpt.has_routing", .bool, "this recipient has a routing form, such as u%other@ours or f!u@ours")
        case .rcptCount: line("rcpt.count", .int, "recipients asked for in this transaction, this one included")
        case .rcptRejected: line("rcpt.rejected", .int, "recipients of this transaction that the backend refused")
        case _: line("backend.code", .int, "the backend's reply code to this command")
        }
    }

    private var writtenOfMessage: FieldRow {
        switch self {
        case .messageSize: line("message.size", .size, "the size of the content")
        case .messageHasBareLF:
            line("message.has_bare_lf", .bool, "the content has a line feed without carriage return")
        case .messageHasBareCR:
            line("message.has_bare_cr", .bool, "the content has a carriage return without line feed")
        case .messageHasNUL: line("message.has_nul", .bool, "the content has a NUL")
        case .messageReceivedCount: line("message.received_count", .int, "how many Received: fields the header has")
        case .messageLineMax: line("message.line_max", .size, "the longest line of the content, without its CRLF")
        case .fromHeaderCount: line("message.from_header.count", .int, "how many From: fields the header has")
        case .fromHeaderAddress:
            line("message.from_header.address", .text(.address), .sometimes, "the only mailbox of the only From: field")
        case .fromHeaderDomain: line("message.from_header.domain", .text(.domain), .sometimes, "its domain")
        case _: line("message.subject", .text(.plain), .sometimes, "the Subject: field, unfolded, not decoded")
        }
    }
}
