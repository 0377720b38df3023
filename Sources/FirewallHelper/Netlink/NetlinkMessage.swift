import CNetfilter
import Glibc
import Reactor

/// One message from the kernel, valid during the call that shows it.
struct NetlinkMessage {
    let header: UnsafePointer<nlmsghdr>

    var type: UInt16 { header.pointee.nlmsg_type }
    var sequence: UInt32 { header.pointee.nlmsg_seq }
    var isError: Bool { type == UInt16(NLMSG_ERROR) }
    var isDone: Bool { type == UInt16(NLMSG_DONE) }

    /// The objects changed while they were listed: the list is not one state, and has to be asked for again.
    var isInterrupted: Bool { header.pointee.nlmsg_flags & UInt16(NLM_F_DUMP_INTR) != 0 }

    /// The nf_tables (or other) message number without its subsystem.
    var kind: Int { Int(type & 0xFF) }
    var subsystem: Int { Int(type >> 8) }

    /// Calls `body` with each attribute after a family header of `fixed` octets.
    func forEachAttribute(after fixed: Int, _ body: (NetlinkAttribute) -> Void) {
        guard Int(header.pointee.nlmsg_len) >= MemoryLayout<nlmsghdr>.size + fixed,
            var attribute = mnl_nlmsg_get_payload_offset(header, fixed)?.assumingMemoryBound(to: nlattr.self),
            let end = mnl_nlmsg_get_payload_tail(header)
        else { return }
        while fits(attribute, end) {
            body(NetlinkAttribute(raw: attribute))
            guard let next = mnl_attr_next(attribute) else { return }
            attribute = next
        }
    }

    /// nil unless this is an error or acknowledgement: 0, or what the kernel objected to.
    var acknowledgement: Acknowledgement? {
        guard isError, header.pointee.nlmsg_len >= UInt32(MemoryLayout<nlmsghdr>.size + MemoryLayout<nlmsgerr>.size),
            let payload = mnl_nlmsg_get_payload(header)
        else { return nil }
        let error = payload.assumingMemoryBound(to: nlmsgerr.self)
        var answer = Acknowledgement(sequence: sequence, code: -error.pointee.error)
        let flags = header.pointee.nlmsg_flags
        guard flags & UInt16(NLM_F_ACK_TLVS) != 0 else { return answer }
        var fixed = MemoryLayout<nlmsgerr>.size
        if flags & UInt16(NLM_F_CAPPED) == 0 {
            fixed += Int(error.pointee.msg.nlmsg_len) - MemoryLayout<nlmsghdr>.size
        }
        forEachAttribute(after: fixed) { attribute in
            switch attribute.type {
            case Int(NLMSGERR_ATTR_MSG.rawValue): answer.text = attribute.string
            case Int(NLMSGERR_ATTR_OFFS.rawValue): answer.offset = attribute.uint32
            default: break
            }
        }
        return answer
    }
}

private func fits(_ attribute: UnsafePointer<nlattr>, _ end: UnsafeMutableRawPointer) -> Bool {
    mnl_attr_ok(attribute, Int32(UnsafeRawPointer(end) - UnsafeRawPointer(attribute)))
}

/// The kernel's word on one request.
struct Acknowledgement: Equatable {
    let sequence: UInt32
    /// 0 for "done", else an errno value.
    let code: Int32
    /// The kernel's own words (NLMSGERR_ATTR_MSG).
    var text: String?
    /// Where in the request the attribute stands that it objects to.
    var offset: UInt32?
}

/// One attribute of a message.
struct NetlinkAttribute {
    let raw: UnsafePointer<nlattr>

    var type: Int { Int(mnl_attr_get_type(raw)) }

    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: mnl_attr_get_payload(raw), count: Int(mnl_attr_get_payload_len(raw)))
    }

    /// 0 for an attribute that is shorter; in host order.
    var uint32: UInt32 { bytes.count >= 4 ? bytes.loadUnaligned(as: UInt32.self) : 0 }

    /// Up to the first NUL, with what is no UTF-8 replaced.
    var string: String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
}
