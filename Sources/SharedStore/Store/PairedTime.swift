import Bytes

/// Nanoseconds as scripts see them: whole seconds, and nanoseconds below a second.
struct PairedTime: Equatable {
    let seconds: UInt64
    let nanoseconds: UInt64

    private static let second: UInt64 = 1_000_000_000

    init(_ nanoseconds: UInt64) {
        (seconds, self.nanoseconds) = nanoseconds.quotientAndRemainder(dividingBy: Self.second)
    }

    /// What a script has answered; nil if it is no such pair.
    init?(_ seconds: StoreReply, _ nanoseconds: StoreReply) {
        guard let seconds = seconds.integer, let nanoseconds = nanoseconds.integer, seconds >= 0,
            (0..<Int64(Self.second)).contains(nanoseconds)
        else { return nil }
        (self.seconds, self.nanoseconds) = (UInt64(seconds), UInt64(nanoseconds))
    }

    /// The sum, or the most there is.
    var whole: UInt64 {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: Self.second)
        let (sum, carry) = product.addingReportingOverflow(nanoseconds)
        return overflow || carry ? .max : sum
    }
}

extension UInt64 {
    func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    func multipliedSaturating(by other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
