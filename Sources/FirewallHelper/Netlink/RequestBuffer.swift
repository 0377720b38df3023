import CNetfilter
import Glibc
import Reactor

/// One netlink request as octets, written attribute by attribute.
///
/// For the small requests of rtnetlink and nfnetlink_log; nf_tables' objects are written by libnftnl.
struct RequestBuffer {
    private(set) var octets: [UInt8] = []

    /// A request of `type` whose fixed part is `header` (fib_rule_hdr, rtmsg, nfgenmsg).
    init<Header>(type: UInt16, flags: Int32, sequence: UInt32, header: Header) {
        var message = nlmsghdr()
        message.nlmsg_type = type
        message.nlmsg_flags = UInt16(truncatingIfNeeded: flags | NLM_F_REQUEST | NLM_F_ACK)
        message.nlmsg_seq = sequence
        put(message)
        put(header)
        finish()
    }

    /// Adds one attribute.
    mutating func add(_ type: Int, _ value: [UInt8]) {
        var attribute = nlattr()
        attribute.nla_type = UInt16(truncatingIfNeeded: type)
        attribute.nla_len = UInt16(clamping: MemoryLayout<nlattr>.size + value.count)
        put(attribute)
        octets += value
        pad()
        finish()
    }

    /// A value as it stands in memory: callers swap what the kernel wants in network order.
    mutating func add<Value: FixedWidthInteger>(_ type: Int, _ value: Value) {
        add(type, withUnsafeBytes(of: value) { Array($0) })
    }

    mutating func add(_ type: Int, _ text: String) {
        add(type, Array(text.utf8) + [0])
    }

    private mutating func put<Value>(_ value: Value) {
        withUnsafeBytes(of: value) { octets += $0 }
        pad()
    }

    private mutating func pad() {
        octets += repeatElement(0, count: -octets.count & 3)
    }

    /// The length in the message's header.
    private mutating func finish() {
        let length = UInt32(octets.count)
        octets.withUnsafeMutableBytes { $0.storeBytes(of: length, as: UInt32.self) }
    }
}

extension NetlinkSocket {
    /// Sends one request and waits for the kernel's word on it: 0, or an errno value.
    mutating func request(_ make: (UInt32) -> RequestBuffer) throws(FirewallFault) -> Int32 {
        let sequence = nextSequence()
        var code: Int32?
        do throws(Errno) {
            try send(make(sequence).octets)
            while code == nil {
                _ = try receive(waiting: true) { message in
                    if message.sequence == sequence, let answer = message.acknowledgement { code = answer.code }
                }
            }
        } catch {
            throw FirewallFault(error)
        }
        return code ?? 0
    }
}
