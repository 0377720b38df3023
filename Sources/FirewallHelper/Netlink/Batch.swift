import CNetfilter
import FirewallPlan
import Glibc

/// Operations that the kernel does all together or not at all, as the octets of one `sendmsg`.
///
/// Each operation has a sequence number, so that an objection finds the operation it is about.
struct Batch: ~Copyable {
    /// A message of nf_tables holds at most one attribute of 64 KiB and some small ones.
    private static let scratchSize = 1 << 17

    private(set) var octets: [UInt8] = []
    private(set) var labels: [String] = []
    /// The sequence number of the batch's begin message; operation n has `first + 1 + n`.
    let first: UInt32
    /// The table that operations are about; a rehearsal of features has one that never comes to be.
    let table: String
    private let scratch: UnsafeMutableRawBufferPointer

    /// Opens a batch; with a generation, the kernel refuses it once anybody has changed any table since.
    init(first: UInt32, generation: UInt32?, table: String = Table.ours.name) {
        self.first = first
        self.table = table
        scratch = .allocate(byteCount: Self.scratchSize, alignment: 16)
        guard let room = scratch.baseAddress?.assumingMemoryBound(to: CChar.self),
            let header = nftnl_batch_begin(room, first)
        else { return }
        // nfnetlink reads this attribute in network order.
        if let generation { mnl_attr_put_u32(header, UInt16(NFNL_BATCH_GENID.rawValue), generation.bigEndian) }
        octets += UnsafeRawBufferPointer(start: header, count: Int(header.pointee.nlmsg_len))
    }

    deinit {
        scratch.deallocate()
    }

    /// How many operations it has.
    var count: Int { labels.count }

    /// The number of the last operation: its acknowledgement says that all were looked at.
    var last: UInt32 { first &+ UInt32(truncatingIfNeeded: labels.count) }

    /// The number of the end message.
    var end: UInt32 { last &+ 1 }

    /// Adds an operation of table family `inet`; `build` writes its attributes after the header.
    ///
    /// `flags` go beside NLM_F_ACK, which every operation carries.
    mutating func add<Result>(
        _ message: nf_tables_msg_types, flags: Int32 = 0, _ label: String,
        _ build: (UnsafeMutablePointer<nlmsghdr>) -> Result
    ) -> Result? {
        labels.append(label)
        let flags = UInt16(truncatingIfNeeded: flags | NLM_F_ACK)
        guard let room = scratch.baseAddress?.assumingMemoryBound(to: CChar.self),
            let header = nftnl_nlmsg_build_hdr(
                room, UInt16(message.rawValue), UInt16(NFPROTO_INET), flags, last)
        else { return nil }
        let result = build(header)
        octets += UnsafeRawBufferPointer(start: header, count: Int(header.pointee.nlmsg_len))
        return result
    }

    /// The octets with the end message: what is committed.
    ///
    /// Without it the kernel looks at everything and undoes it.
    func closed() -> [UInt8] {
        guard let room = scratch.baseAddress?.assumingMemoryBound(to: CChar.self),
            let header = nftnl_batch_end(room, end)
        else { return octets }
        // Linux 6.10 and later answer this one after the commit; older ones ignore the flag.
        header.pointee.nlmsg_flags |= UInt16(NLM_F_ACK)
        return octets + UnsafeRawBufferPointer(start: header, count: Int(header.pointee.nlmsg_len))
    }

    /// What the operation with `sequence` does, in words.
    func label(of sequence: UInt32) -> String {
        let index = Int(sequence &- first) - 1
        return labels.indices.contains(index) ? labels[index] : "begin of the transaction"
    }
}
