import CPCRE2

/// A regular expression of `matches`, compiled once and asked by many threads.
///
/// PCRE2 without JIT. Text need not be valid UTF-8. A match that takes too many steps ends as `failed`, which rules
/// take for a reason to refuse.
@safe public final class Pattern: @unchecked Sendable {
    /// Steps, levels and kibibytes of memory that one match may take.
    public static let maxSteps: UInt32 = 20_000
    public static let maxDepth: UInt32 = 250
    public static let maxKibibytes: UInt32 = 1_024

    /// Why a pattern does not compile.
    public struct Fault: Error, Hashable, Sendable {
        public let reason: String
        /// Octets from its beginning.
        public let offset: Int
    }

    private let code: UnsafeMutableRawPointer
    /// What no text without them is matched by.
    let pairs: PairSet

    public init(_ text: String) throws(Fault) {
        var error: CInt = 0
        var offset = 0
        let bytes = Array(text.utf8)
        let code = unsafe bytes.withUnsafeBufferPointer { text in
            unsafe reeve_pattern_compile(text.baseAddress, text.count, &error, &offset)
        }
        guard let code = unsafe code else {
            throw Fault(reason: Self.words(error), offset: min(offset, bytes.count))
        }
        unsafe self.code = code
        pairs = RequiredPairs.of(bytes)
    }

    deinit {
        unsafe reeve_pattern_free(code)
    }

    private static func words(_ error: CInt) -> String {
        var text = [UInt8](repeating: 0, count: 120)
        let count = unsafe text.withUnsafeMutableBufferPointer { text in
            unsafe reeve_pattern_error(error, text.baseAddress, text.count)
        }
        return String(decoding: text.prefix(Int(count)), as: UTF8.self)
    }

    /// Whether the pattern is found anywhere in `text`.
    func find(in text: Span<UInt8>, _ scratch: MatchScratch) -> Truth {
        if !PairSet(text).covers(pairs) { return .no }
        guard let data = unsafe scratch.data, let limits = unsafe scratch.limits else { return .failed }
        let found = unsafe text.withUnsafeBufferPointer { text in
            unsafe reeve_pattern_match(code, text.baseAddress, text.count, data, limits)
        }
        return found < 0 ? .failed : found == 0 ? .no : .yes
    }
}

/// The memory that matching works in: one for each thread, made when the first pattern is asked.
@safe public final class MatchScratch {
    fileprivate lazy var data: UnsafeMutableRawPointer? = unsafe reeve_match_data_create()
    fileprivate lazy var limits: UnsafeMutableRawPointer? = unsafe reeve_match_limits_create(
        Pattern.maxSteps, Pattern.maxDepth, Pattern.maxKibibytes)

    /// What the atoms of a stage answered last.
    var answers = AtomAnswers()

    public init() {}

    deinit {
        if let data = unsafe data { unsafe reeve_match_data_free(data) }
        if let limits = unsafe limits { unsafe reeve_match_limits_free(limits) }
    }
}

/// What a condition says: a part that failed (a pattern out of steps) is neither true nor false.
enum Truth: UInt8, Sendable {
    case no, yes, failed

    init(_ value: Bool) { self = value ? .yes : .no }

    var negated: Truth {
        switch self {
        case .no: .yes
        case .yes: .no
        case .failed: .failed
        }
    }
}
