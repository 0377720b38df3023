import Bytes
public import SMTPWire

/// A foreign server's reply to EHLO as an intercepted client gets it: every line of what we can follow, in its order.
///
/// What a keyword adds to commands has to be parsed, so a keyword that is unknown to us is left out, and told of.
public struct PassedOffer: Equatable, Sendable {
    public let reply: Reply
    /// The keywords that were left out, in upper case.
    public let hidden: [String]

    /// Keywords that change nothing, or nothing that the parser of commands would not know.
    ///
    /// REQUIRETLS is offered inside TLS only (RFC 8689 4.2.1), and nothing is seen there.
    private static let plain: Set<String> = [
        "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS", "DSN", "SMTPUTF8", "LIMITS", "HELP", "VRFY",
    ]
    /// Longest keyword that is named in a report, octets, and how many of them.
    private static let longestName = 32
    private static let mostNames = 16

    public init(_ reply: Reply, rules: SessionRules, mayAuthenticate: Bool) {
        var lines: [[UInt8]] = []
        var hidden: [String] = []
        for line in reply.lines {
            if lines.isEmpty {
                lines.append(line)
            } else if let passed = Self.pass(line, rules, mayAuthenticate) {
                lines.append(passed)
            } else if hidden.count < Self.mostNames {
                hidden.append(Self.keyword(line))
            }
        }
        self.reply = Reply(code: reply.code, lines: lines)
        self.hidden = hidden
    }

    private static func pass(_ line: [UInt8], _ rules: SessionRules, _ mayAuthenticate: Bool) -> [UInt8]? {
        switch keyword(line) {
        case let word where plain.contains(word): line
        case "CHUNKING", "BINARYMIME": rules.offersCHUNKING ? line : nil
        case "SIZE": size(line, rules.maxMessageSize)
        case "AUTH": mayAuthenticate ? auth(line) : nil
        case _: nil
        }
    }

    private static func keyword(_ line: [UInt8]) -> String {
        String(decoding: line.prefix { $0 != ASCII.space }.prefix(longestName).map(ASCII.uppercased), as: UTF8.self)
    }

    /// The smaller of both sides (RFC 1870 4).
    private static func size(_ line: [UInt8], _ ours: UInt64) -> [UInt8] {
        guard ours > 0 else { return line }
        let number = line.split(separator: ASCII.space).dropFirst().first
        let theirs = number.flatMap { UInt64(String(decoding: $0, as: UTF8.self)) } ?? 0
        return theirs > 0 && theirs <= ours ? line : Array("SIZE \(ours)".utf8)
    }

    /// The mechanisms whose exchange we can follow; nil if there is none.
    private static func auth(_ line: [UInt8]) -> [UInt8]? {
        let known = line.split(separator: ASCII.space).dropFirst().filter { AuthMechanism(name: Array($0)) != nil }
        return known.isEmpty ? nil : Array("AUTH ".utf8) + Array(known.joined(separator: [ASCII.space]))
    }
}
