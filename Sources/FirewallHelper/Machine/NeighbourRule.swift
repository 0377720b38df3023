import CNetfilter
import FirewallPlan
import Glibc

/// A rule of somebody else, as far as it deals with packet marks or refuses what is left.
///
/// nft's own rules and those of iptables-nft (`match` and `target`) are understood; what else a rule asks is not looked
/// at, so a rule counts as one that may apply.
struct NeighbourRule {
    private(set) var acceptedMarks: [MarkTest] = []
    private(set) var writtenMark: UInt32 = 0
    /// No condition, and the packet goes no further.
    private(set) var refusesTheRest = false

    /// What a register holds.
    private enum Content {
        /// `(mark & mask) ^ xor`.
        case mark(mask: UInt32, xor: UInt32)
        case protocolNumber
    }

    private var registers: [Int: Content] = [:]
    private var tests: [MarkTest] = []
    private var hasCondition = false
    /// Asks for another protocol than TCP.
    private var isElsewhere = false

    init(reading rule: OpaquePointer) {
        guard let iterator = nftnl_expr_iter_create(rule) else { return }
        defer { nftnl_expr_iter_destroy(iterator) }
        while let next = nftnl_expr_iter_next(iterator) { take(LibraryExpression(reading: next)) }
        if isElsewhere { (acceptedMarks, writtenMark, refusesTheRest) = ([], 0, false) }
    }

    private mutating func take(_ read: LibraryExpression) {
        switch read.name {
        case "meta": meta(read)
        case "bitwise": bitwise(read)
        case "cmp": compare(read)
        case "match": match(read)
        case "target": target(read)
        case "immediate": verdict(read)
        case "reject": refusesTheRest = !hasCondition
        case "counter", "log", "objref": break
        default: hasCondition = true
        }
    }

    private mutating func meta(_ read: LibraryExpression) {
        let isMark = read.uint32(NFTNL_EXPR_META_KEY) == MetaKey.mark.rawValue
        if read.has(NFTNL_EXPR_META_SREG) {
            guard isMark else { return }
            if case .mark(let mask, let xor)? = content(read, NFTNL_EXPR_META_SREG) {
                writtenMark |= ~mask | xor
            } else {
                writtenMark = ~0
            }
            return
        }
        hasCondition = true
        let isProtocol = read.uint32(NFTNL_EXPR_META_KEY) == MetaKey.l4proto.rawValue
        hold(isMark ? .mark(mask: ~0, xor: 0) : isProtocol ? .protocolNumber : nil, read, NFTNL_EXPR_META_DREG)
    }

    private mutating func bitwise(_ read: LibraryExpression) {
        let (mask, xor) = (read.octets(NFTNL_EXPR_BITWISE_MASK), read.octets(NFTNL_EXPR_BITWISE_XOR))
        guard case .mark(let had, let flipped)? = content(read, NFTNL_EXPR_BITWISE_SREG), mask.count == 4,
            xor.count == 4
        else { return hold(nil, read, NFTNL_EXPR_BITWISE_DREG) }
        let (and, exclusive) = (Self.word(mask), Self.word(xor))
        hold(.mark(mask: had & and, xor: flipped & and ^ exclusive), read, NFTNL_EXPR_BITWISE_DREG)
    }

    private mutating func compare(_ read: LibraryExpression) {
        hasCondition = true
        let isEqual = read.uint32(NFTNL_EXPR_CMP_OP) == Comparison.equal.rawValue
        let value = read.octets(NFTNL_EXPR_CMP_DATA)
        switch content(read, NFTNL_EXPR_CMP_SREG) {
        case .mark(let mask, let xor):
            if isEqual, value.count == 4 { tests.append(MarkTest(Self.word(value) ^ xor, mask: mask)) }
        case .protocolNumber: if isEqual, value != [UInt8(IPPROTO_TCP)] { isElsewhere = true }
        case nil: break
        }
    }

    private mutating func verdict(_ read: LibraryExpression) {
        guard read.uint32(NFTNL_EXPR_IMM_DREG) == UInt32(NFT_REG_VERDICT.rawValue) else {
            return hold(nil, read, NFTNL_EXPR_IMM_DREG)
        }
        switch Int32(bitPattern: read.uint32(NFTNL_EXPR_IMM_VERDICT)) {
        case NF_ACCEPT: acceptedMarks = tests
        case NF_DROP: refusesTheRest = !hasCondition
        default: break
        }
    }

    // MARK: Registers

    /// Four octets of a mark, which stand in the machine's order.
    private static func word(_ octets: [UInt8]) -> UInt32 {
        octets.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
    }

    private func content(_ read: LibraryExpression, _ attribute: Int) -> Content? {
        read.register(attribute).offset.flatMap { registers[$0] }
    }

    private mutating func hold(_ content: Content?, _ read: LibraryExpression, _ attribute: Int) {
        if let offset = read.register(attribute).offset { registers[offset] = content }
    }
}

// MARK: iptables-nft

extension NeighbourRule {
    private mutating func match(_ read: LibraryExpression) {
        hasCondition = true
        let octets = read.octets(NFTNL_EXPR_MT_INFO)
        guard read.string(NFTNL_EXPR_MT_NAME) == "mark", octets.count >= MemoryLayout<xt_mark_mtinfo1>.size else {
            return
        }
        let test = octets.withUnsafeBytes { $0.loadUnaligned(as: xt_mark_mtinfo1.self) }
        if test.invert == 0 { tests.append(MarkTest(test.mark, mask: test.mask)) }
    }

    private mutating func target(_ read: LibraryExpression) {
        let octets = read.octets(NFTNL_EXPR_TG_INFO)
        switch read.string(NFTNL_EXPR_TG_NAME) {
        case "MARK" where octets.count >= MemoryLayout<xt_mark_tginfo2>.size:
            let change = octets.withUnsafeBytes { $0.loadUnaligned(as: xt_mark_tginfo2.self) }
            writtenMark |= change.mark | change.mask
        case "CONNMARK" where octets.count >= MemoryLayout<xt_connmark_tginfo1>.size:
            let change = octets.withUnsafeBytes { $0.loadUnaligned(as: xt_connmark_tginfo1.self) }
            if change.mode == UInt8(XT_CONNMARK_RESTORE) { writtenMark |= change.nfmask }
        case "REJECT": refusesTheRest = !hasCondition
        default: break
        }
    }
}
