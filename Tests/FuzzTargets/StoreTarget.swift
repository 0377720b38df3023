import Bytes
import SharedStore

/// Replies from a shared store: the same however they are cut, bounded, and read back when they are written again.
enum StoreTarget {
    static func check(_ input: [UInt8]) throws(Complaint) {
        let cut = CutInput(input)
        let outcomes = read([cut.whole])
        let again = read(cut.pieces(of: cut.whole))
        try require(outcomes == again, "\(outcomes) in one piece, \(again) in several")
        for case .reply(let reply) in outcomes { try check(reply) }
    }

    /// All outcomes up to the first fault, whose words may depend on how much had arrived.
    private static func read(_ pieces: [[UInt8]]) -> [ReplyReader.Outcome] {
        var input = InputBuffer(pool: BufferPool())
        var reader = ReplyReader()
        var outcomes: [ReplyReader.Outcome] = []
        for piece in pieces {
            var rest = piece[...]
            while !rest.isEmpty {
                rest = rest.dropFirst(input.append(rest))
                reader.feed(&input)
                var isWaiting = false
                while !isWaiting {
                    switch reader.next() {
                    case .incomplete: isWaiting = true
                    case .reply(let reply): outcomes.append(.reply(reply))
                    case .fault: return outcomes + [.fault("")]
                    }
                }
            }
        }
        return outcomes
    }

    private static func check(_ reply: StoreReply) throws(Complaint) {
        var values = 0
        let octets = size(reply, &values)
        try require(octets <= ReplyReader.maxOctets, "\(octets) octets")
        try require(values <= ReplyReader.maxValues, "\(values) values")
        var wire: [UInt8] = []
        write(reply, to: &wire)
        try require(read([wire]) == [.reply(reply)], "\(shown(wire)) is not the reply that was written")
    }

    private static func size(_ reply: StoreReply, _ values: inout Int) -> Int {
        values += 1
        switch reply {
        case .status(let octets), .error(let octets), .bulk(let octets): return octets.count
        case .integer, .null: return 0
        case .array(let elements): return elements.reduce(0) { $0 + size($1, &values) }
        }
    }

    private static func write(_ reply: StoreReply, to wire: inout [UInt8]) {
        switch reply {
        case .status(let text): wire += octets("+") + text + octets("\r\n")
        case .error(let text): wire += octets("-") + text + octets("\r\n")
        case .integer(let number): wire += octets(":\(number)\r\n")
        case .bulk(let text): wire += octets("$\(text.count)\r\n") + text + octets("\r\n")
        case .null: wire += octets("$-1\r\n")
        case .array(let elements):
            wire += octets("*\(elements.count)\r\n")
            for element in elements { write(element, to: &wire) }
        }
    }
}
