import CNetfilter
import FirewallPlan

extension Expression {
    /// What the library read, as a value; nil for an expression that no plan of ours contains.
    init?(_ read: LibraryExpression) {
        switch read.name {
        case "meta":
            guard let key = MetaKey(rawValue: read.uint32(NFTNL_EXPR_META_KEY)) else { return nil }
            if read.has(NFTNL_EXPR_META_SREG) {
                self = .setMeta(key, from: read.register(NFTNL_EXPR_META_SREG))
            } else {
                self = .meta(key, into: read.register(NFTNL_EXPR_META_DREG))
            }
        case "payload":
            guard let base = PayloadBase(rawValue: read.uint32(NFTNL_EXPR_PAYLOAD_BASE)),
                !read.has(NFTNL_EXPR_PAYLOAD_SREG)
            else { return nil }
            self = .payload(
                base, offset: read.uint32(NFTNL_EXPR_PAYLOAD_OFFSET), length: read.uint32(NFTNL_EXPR_PAYLOAD_LEN),
                into: read.register(NFTNL_EXPR_PAYLOAD_DREG))
        case "cmp":
            guard let comparison = Comparison(rawValue: read.uint32(NFTNL_EXPR_CMP_OP)) else { return nil }
            self = .compare(read.register(NFTNL_EXPR_CMP_SREG), comparison, read.octets(NFTNL_EXPR_CMP_DATA))
        case "bitwise":
            self = .bitwise(
                from: read.register(NFTNL_EXPR_BITWISE_SREG), into: read.register(NFTNL_EXPR_BITWISE_DREG),
                mask: read.octets(NFTNL_EXPR_BITWISE_MASK), xor: read.octets(NFTNL_EXPR_BITWISE_XOR))
        case "lookup":
            let isInverted = read.uint32(NFTNL_EXPR_LOOKUP_FLAGS) & UInt32(NFT_LOOKUP_F_INV.rawValue) != 0
            self = .lookup(
                set: read.string(NFTNL_EXPR_LOOKUP_SET), read.register(NFTNL_EXPR_LOOKUP_SREG), isInverted: isInverted)
        case "immediate": self.init(immediate: read)
        case "objref":
            guard read.uint32(NFTNL_EXPR_OBJREF_IMM_TYPE) == UInt32(NFT_OBJECT_COUNTER) else { return nil }
            self = .counter(read.string(NFTNL_EXPR_OBJREF_IMM_NAME))
        case "log":
            guard read.has(NFTNL_EXPR_LOG_GROUP) else { return nil }
            self = .log(
                group: read.uint16(NFTNL_EXPR_LOG_GROUP), snapLength: read.uint32(NFTNL_EXPR_LOG_SNAPLEN),
                queueThreshold: read.uint16(NFTNL_EXPR_LOG_QTHRESHOLD), prefix: read.string(NFTNL_EXPR_LOG_PREFIX))
        case "limit": self = .limit(Limit(read))
        case "dynset":
            guard let update = DynamicUpdate(read) else { return nil }
            self = .dynset(update)
        case "fib": self.init(fib: read)
        case "socket":
            guard read.uint32(NFTNL_EXPR_SOCKET_KEY) == UInt32(NFT_SOCKET_TRANSPARENT.rawValue) else { return nil }
            self = .socketTransparent(into: read.register(NFTNL_EXPR_SOCKET_DREG))
        case "tproxy":
            guard let family = Family(rawValue: UInt8(truncatingIfNeeded: read.uint32(NFTNL_EXPR_TPROXY_FAMILY)))
            else { return nil }
            self = .tproxy(
                family: family, address: read.register(NFTNL_EXPR_TPROXY_REG_ADDR),
                port: read.register(NFTNL_EXPR_TPROXY_REG_PORT))
        case "reject":
            let isReset = read.uint32(NFTNL_EXPR_REJECT_TYPE) == Rejection.tcpReset.type
            guard isReset else { return nil }
            self = .reject(.tcpReset)
        case "ct":
            guard read.uint32(NFTNL_EXPR_CT_KEY) == UInt32(NFT_CT_STATE.rawValue), !read.has(NFTNL_EXPR_CT_SREG)
            else { return nil }
            self = .connectionState(into: read.register(NFTNL_EXPR_CT_DREG))
        case "notrack": self = .notrack
        default: return nil
        }
    }

    private init?(immediate read: LibraryExpression) {
        guard read.uint32(NFTNL_EXPR_IMM_DREG) == UInt32(NFT_REG_VERDICT.rawValue) else {
            self = .immediate(read.register(NFTNL_EXPR_IMM_DREG), read.octets(NFTNL_EXPR_IMM_DATA))
            return
        }
        let chain = read.string(NFTNL_EXPR_IMM_CHAIN)
        switch Int32(bitPattern: read.uint32(NFTNL_EXPR_IMM_VERDICT)) {
        case NF_DROP: self = .verdict(.drop)
        case NF_ACCEPT: self = .verdict(.accept)
        case NFT_RETURN.rawValue: self = .verdict(.return)
        case NFT_JUMP.rawValue: self = .verdict(.jump(chain))
        case NFT_GOTO.rawValue: self = .verdict(.goto(chain))
        default: return nil
        }
    }

    private init?(fib read: LibraryExpression) {
        let (flags, result) = (read.uint32(NFTNL_EXPR_FIB_FLAGS), read.uint32(NFTNL_EXPR_FIB_RESULT))
        let known: [FIBQuery] = [.reverseInterface, .destinationType]
        guard let query = known.first(where: { $0.flags == flags && $0.result == result }) else { return nil }
        self = .fib(query, into: read.register(NFTNL_EXPR_FIB_DREG))
    }
}

extension Limit {
    fileprivate init(_ read: LibraryExpression) {
        self.init(
            rate: read.uint64(NFTNL_EXPR_LIMIT_RATE), unit: read.uint64(NFTNL_EXPR_LIMIT_UNIT),
            burst: read.uint32(NFTNL_EXPR_LIMIT_BURST),
            isOver: read.uint32(NFTNL_EXPR_LIMIT_FLAGS) & UInt32(NFT_LIMIT_F_INV.rawValue) != 0)
    }
}

extension DynamicUpdate {
    fileprivate init?(_ read: LibraryExpression) {
        guard let operation = Operation(rawValue: read.uint32(NFTNL_EXPR_DYNSET_OP)) else { return nil }
        var statement: Statement?
        if read.has(NFTNL_EXPR_DYNSET_EXPR) || read.has(NFTNL_EXPR_DYNSET_EXPRESSIONS) {
            guard let child = read.children.first else { return nil }
            switch child.name {
            case "limit": statement = .limit(Limit(child))
            case "counter": statement = .counter
            default: return nil
            }
        }
        self.init(
            operation, read.string(NFTNL_EXPR_DYNSET_SET_NAME), key: read.register(NFTNL_EXPR_DYNSET_SREG_KEY),
            timeout: read.uint64(NFTNL_EXPR_DYNSET_TIMEOUT), statement: statement)
    }
}

extension LibraryExpression {
    /// What a `dynset` does with its elements.
    fileprivate var children: [LibraryExpression] {
        Collected.from { nftnl_expr_expr_foreach(pointer, Collected.add, $0) }.map(LibraryExpression.init(reading:))
    }
}

/// Gathers what one of the library's `foreach` functions passes to its callback.
final class Collected {
    var pointers: [OpaquePointer] = []

    static let add: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32 = { found, context in
        guard let found, let context else { return 0 }
        Unmanaged<Collected>.fromOpaque(context).takeUnretainedValue().pointers.append(found)
        return 0
    }

    static func from(_ walk: (UnsafeMutableRawPointer) -> Int32) -> [OpaquePointer] {
        let collected = Collected()
        _ = walk(Unmanaged.passUnretained(collected).toOpaque())
        return withExtendedLifetime(collected) { collected.pointers }
    }
}
