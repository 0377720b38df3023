import Bytes
import Throttle

/// A charge that is given back.
struct RefundPart {
    let key: [UInt8]
    private let price: PairedTime
    private let since: PairedTime

    init(_ receipt: StoreReceipt) {
        key = BucketKey.octets(receipt.charge.name)
        price = PairedTime(receipt.charge.price)
        since = PairedTime(receipt.since)
    }

    /// Writes one call for all of `refunds`, whose keys are on one slot where there are slots.
    static func write(_ refunds: [RefundPart], _ output: inout OutputBuffer, _ names: ScriptNames) {
        output.request(3 + 5 * refunds.count)
        output.word("EVALSHA")
        output.word(names[.refund])
        output.word(decimal: UInt64(refunds.count))
        for refund in refunds { output.word(refund.key) }
        for refund in refunds {
            output.word(pair: refund.price)
            output.word(pair: refund.since)
        }
    }
}
