// What the fuzzers call with bytes of their choice, and the regression tests with bytes that once found something.
//
// A target finds what a parser does wrong without crashing: it compares with a slower reference, with another cut of
// the same bytes, or with what must come back when a value is written and read again.

/// One fuzzed thing; its name is the folder of its corpus.
public enum FuzzTarget: String, CaseIterable, Sendable {
    case commands, replies, store, data, chunks, proxy, credentials, configuration, policy, expression, session

    /// What is wrong with what the code made of `input`; nil if nothing is.
    ///
    /// A trap or an invalid access ends the process, and is for the caller to notice.
    public func complaint(about input: [UInt8]) -> String? {
        do throws(Complaint) {
            try check(input)
            return nil
        } catch {
            return error.text
        }
    }

    private func check(_ input: [UInt8]) throws(Complaint) {
        switch self {
        case .commands: try CommandTarget.check(input)
        case .replies: try ReplyTarget.check(input)
        case .store: try StoreTarget.check(input)
        case .data: try DataTarget.check(CutInput(input))
        case .chunks: try ChunkTarget.check(CutInput(input))
        case .proxy: try ProxyTarget.check(input)
        case .credentials: try CredentialTarget.check(input)
        case .configuration: try ConfigurationTarget.check(input)
        case .policy: try PolicyTarget.check(input)
        case .expression: try ExpressionTarget.check(input)
        case .session: try SessionTarget.check(input)
        }
    }
}

struct Complaint: Error {
    let text: String
}

func require(_ holds: Bool, _ text: @autoclosure () -> String) throws(Complaint) {
    if !holds { throw Complaint(text: text()) }
}

/// Input that says itself how it is cut: a count, so many lengths (0: the rest), then the bytes.
struct CutInput {
    static let mostLengths = 16

    let whole: [UInt8]
    private let lengths: [Int]

    init(_ input: [UInt8]) {
        let count = min(Int(input.first ?? 0) % (Self.mostLengths + 1), max(0, input.count - 1))
        lengths = input.dropFirst().prefix(count).map(Int.init)
        whole = Array(input.dropFirst(1 + count))
    }

    /// `bytes` cut by the lengths, which are used in turn.
    func pieces(of bytes: [UInt8]) -> [[UInt8]] {
        guard !lengths.isEmpty else { return [bytes] }
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let length = lengths[pieces.count % lengths.count]
            pieces.append(Array(length == 0 ? rest : rest.prefix(length)))
            rest = rest.dropFirst(pieces[pieces.count - 1].count)
        }
        return pieces
    }
}
