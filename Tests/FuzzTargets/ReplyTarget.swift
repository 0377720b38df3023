import Bytes
import SMTPWire

/// Replies from a backend: the same however they are cut, bounded, and written again as replies.
enum ReplyTarget {
    static func check(_ input: [UInt8]) throws(Complaint) {
        let cut = CutInput(input)
        let outcomes = read([cut.whole])
        let again = read(cut.pieces(of: cut.whole))
        try require(outcomes == again, "\(outcomes) in one piece, \(again) in several")
        for case .reply(let reply) in outcomes { try check(reply) }
    }

    /// All outcomes up to the first fault.
    private static func read(_ pieces: [[UInt8]]) -> [ReplyParser.Outcome] {
        var input = InputBuffer(pool: BufferPool())
        var parser = ReplyParser()
        var outcomes: [ReplyParser.Outcome] = []
        for piece in pieces {
            var rest = piece[...]
            while !rest.isEmpty {
                rest = rest.dropFirst(input.append(rest))
                var isWaiting = false
                while !isWaiting {
                    let outcome = parser.next(&input)
                    if case .incomplete = outcome { isWaiting = true } else { outcomes.append(outcome) }
                    if case .malformed = outcome { return outcomes }
                }
            }
        }
        return outcomes
    }

    private static func check(_ reply: Reply) throws(Complaint) {
        try require((200...559).contains(reply.code), "code \(reply.code)")
        try require((1...ReplyParser.maxLines).contains(reply.lines.count), "\(reply.lines.count) lines")
        let octets = reply.lines.reduce(0) { $0 + $1.count }
        try require(octets <= ReplyParser.maxReply, "\(octets) octets")
        if let enhanced = reply.enhanced {
            try require(enhanced.class == reply.code / 100, "\(enhanced) with \(reply.code)")
        }
        _ = Capabilities(ehlo: reply)
        let wire = written { ReplyEncoder.write(reply, to: &$0) }
        let expected = Reply(code: reply.code, lines: reply.lines.map(passed))
        try require(read([wire]) == [.reply(expected)], "\(shown(wire)) is not the reply that was written")
    }

    /// A line as a client may see it (RFC 5321 4.2, 4.5.3.1.5).
    private static func passed(_ line: [UInt8]) -> [UInt8] {
        line.prefix(ReplyEncoder.maxLine - 6).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
    }
}
