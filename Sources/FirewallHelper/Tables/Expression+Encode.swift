import CNetfilter
import FirewallPlan

extension Expression {
    /// The same in the library's form; nil without memory.
    ///
    /// `setNumber` gives the number that a set has inside this transaction, which the kernel needs for a set that the
    /// same transaction makes.
    func encoded(setNumber: (String) -> UInt32?) -> LibraryExpression? {
        switch self {
        case .meta(let key, let into):
            return .make("meta") {
                $0.set(NFTNL_EXPR_META_KEY, key.rawValue)
                $0.set(NFTNL_EXPR_META_DREG, into)
            }
        case .setMeta(let key, let from):
            return .make("meta") {
                $0.set(NFTNL_EXPR_META_KEY, key.rawValue)
                $0.set(NFTNL_EXPR_META_SREG, from)
            }
        case .payload(let base, let offset, let length, let into):
            return .make("payload") {
                $0.set(NFTNL_EXPR_PAYLOAD_DREG, into)
                $0.set(NFTNL_EXPR_PAYLOAD_BASE, base.rawValue)
                $0.set(NFTNL_EXPR_PAYLOAD_OFFSET, offset)
                $0.set(NFTNL_EXPR_PAYLOAD_LEN, length)
            }
        case .compare(let register, let comparison, let value):
            return .make("cmp") {
                $0.set(NFTNL_EXPR_CMP_SREG, register)
                $0.set(NFTNL_EXPR_CMP_OP, comparison.rawValue)
                $0.set(NFTNL_EXPR_CMP_DATA, value)
            }
        case .bitwise(let from, let into, let mask, let xor):
            return .make("bitwise") {
                $0.set(NFTNL_EXPR_BITWISE_SREG, from)
                $0.set(NFTNL_EXPR_BITWISE_DREG, into)
                $0.set(NFTNL_EXPR_BITWISE_LEN, UInt32(mask.count))
                $0.set(NFTNL_EXPR_BITWISE_MASK, mask)
                $0.set(NFTNL_EXPR_BITWISE_XOR, xor)
            }
        case .lookup(let set, let register, let isInverted):
            return .make("lookup") {
                $0.set(NFTNL_EXPR_LOOKUP_SREG, register)
                $0.set(NFTNL_EXPR_LOOKUP_SET, set)
                if let number = setNumber(set) { $0.set(NFTNL_EXPR_LOOKUP_SET_ID, number) }
                if isInverted { $0.set(NFTNL_EXPR_LOOKUP_FLAGS, UInt32(NFT_LOOKUP_F_INV.rawValue)) }
            }
        case .immediate(let register, let value):
            return .make("immediate") {
                $0.set(NFTNL_EXPR_IMM_DREG, register)
                $0.set(NFTNL_EXPR_IMM_DATA, value)
            }
        case .verdict(let verdict): return verdict.encoded
        case .counter(let name):
            return .make("objref") {
                $0.set(NFTNL_EXPR_OBJREF_IMM_TYPE, UInt32(NFT_OBJECT_COUNTER))
                $0.set(NFTNL_EXPR_OBJREF_IMM_NAME, name)
            }
        case .log(let group, let snapLength, let queueThreshold, let prefix):
            return .make("log") {
                $0.set(NFTNL_EXPR_LOG_PREFIX, prefix)
                $0.set(NFTNL_EXPR_LOG_GROUP, group)
                if snapLength > 0 { $0.set(NFTNL_EXPR_LOG_SNAPLEN, snapLength) }
                if queueThreshold > 0 { $0.set(NFTNL_EXPR_LOG_QTHRESHOLD, queueThreshold) }
            }
        case .limit(let limit): return limit.encoded
        case .dynset(let update): return update.encoded(setNumber: setNumber)
        case .fib(let query, let into):
            return .make("fib") {
                $0.set(NFTNL_EXPR_FIB_DREG, into)
                $0.set(NFTNL_EXPR_FIB_RESULT, query.result)
                $0.set(NFTNL_EXPR_FIB_FLAGS, query.flags)
            }
        case .socketTransparent(let into):
            return .make("socket") {
                $0.set(NFTNL_EXPR_SOCKET_KEY, UInt32(NFT_SOCKET_TRANSPARENT.rawValue))
                $0.set(NFTNL_EXPR_SOCKET_DREG, into)
            }
        case .tproxy(let family, let address, let port):
            return .make("tproxy") {
                $0.set(NFTNL_EXPR_TPROXY_FAMILY, UInt32(family.rawValue))
                $0.set(NFTNL_EXPR_TPROXY_REG_ADDR, address)
                $0.set(NFTNL_EXPR_TPROXY_REG_PORT, port)
            }
        case .reject(let rejection):
            return .make("reject") {
                $0.set(NFTNL_EXPR_REJECT_TYPE, rejection.type)
                $0.set(NFTNL_EXPR_REJECT_CODE, rejection.code)
            }
        case .connectionState(let into):
            return .make("ct") {
                $0.set(NFTNL_EXPR_CT_KEY, UInt32(NFT_CT_STATE.rawValue))
                $0.set(NFTNL_EXPR_CT_DREG, into)
            }
        case .notrack: return .make("notrack") { _ in }
        }
    }
}

extension LibraryExpression {
    static func make(_ name: String, _ fill: (LibraryExpression) -> Void) -> LibraryExpression? {
        guard let made = LibraryExpression(name) else { return nil }
        fill(made)
        return made
    }
}

extension Verdict {
    fileprivate var encoded: LibraryExpression? {
        let (code, chain): (Int32, String?) =
            switch self {
            case .drop: (NF_DROP, nil)
            case .accept: (NF_ACCEPT, nil)
            case .return: (NFT_RETURN.rawValue, nil)
            case .jump(let chain): (NFT_JUMP.rawValue, chain)
            case .goto(let chain): (NFT_GOTO.rawValue, chain)
            }
        return .make("immediate") {
            $0.set(NFTNL_EXPR_IMM_DREG, UInt32(NFT_REG_VERDICT.rawValue))
            $0.set(NFTNL_EXPR_IMM_VERDICT, UInt32(bitPattern: code))
            if let chain { $0.set(NFTNL_EXPR_IMM_CHAIN, chain) }
        }
    }
}

extension Limit {
    fileprivate var encoded: LibraryExpression? {
        .make("limit") {
            $0.set(NFTNL_EXPR_LIMIT_RATE, rate)
            $0.set(NFTNL_EXPR_LIMIT_UNIT, unit)
            $0.set(NFTNL_EXPR_LIMIT_BURST, burst)
            $0.set(NFTNL_EXPR_LIMIT_TYPE, UInt32(NFT_LIMIT_PKTS.rawValue))
            $0.set(NFTNL_EXPR_LIMIT_FLAGS, isOver ? UInt32(NFT_LIMIT_F_INV.rawValue) : 0)
        }
    }
}

extension DynamicUpdate {
    fileprivate func encoded(setNumber: (String) -> UInt32?) -> LibraryExpression? {
        let made = LibraryExpression.make("dynset") {
            $0.set(NFTNL_EXPR_DYNSET_SREG_KEY, key)
            $0.set(NFTNL_EXPR_DYNSET_OP, operation.rawValue)
            if timeout > 0 { $0.set(NFTNL_EXPR_DYNSET_TIMEOUT, timeout) }
            $0.set(NFTNL_EXPR_DYNSET_SET_NAME, set)
            if let number = setNumber(set) { $0.set(NFTNL_EXPR_DYNSET_SET_ID, number) }
        }
        let child: LibraryExpression? =
            switch statement {
            case .limit(let limit): limit.encoded
            case .counter: LibraryExpression("counter")
            case nil: nil
            }
        if let made, let child { nftnl_expr_add_expr(made.pointer, UInt32(NFTNL_EXPR_DYNSET_EXPR), child.pointer) }
        return made
    }
}
