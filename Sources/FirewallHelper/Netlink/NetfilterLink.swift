import CNetfilter
import FirewallPlan
import Glibc
import Reactor

/// The line to nf_tables: whole changes, rehearsals of them, questions.
///
/// One socket for the life of the process: an owned table belongs to it. Used on one thread.
public final class NetfilterLink {
    private var socket: NetlinkSocket
    /// Whether its buffers grow with what a change needs; a container's kernel bounds them.
    private let grows: Bool
    /// Changes whose answers did not fit the buffer.
    private(set) var lostAnswers = 0
    /// How often something changed while it was read, and was read again.
    var rereads = 0

    /// Our netlink address, by which the kernel and other programs name the owner of a table.
    public var port: UInt32 { socket.port }

    public convenience init() throws(FirewallFault) {
        try self.init(sendBuffer: nil, receiveBuffer: nil)
    }

    /// With buffers of a fixed size, octets, as where the kernel grants no more.
    init(sendBuffer: Int?, receiveBuffer: Int?) throws(FirewallFault) {
        do throws(Errno) {
            socket = try NetlinkSocket(bus: NETLINK_NETFILTER)
        } catch {
            throw FirewallFault(error)
        }
        grows = sendBuffer == nil && receiveBuffer == nil
        if let sendBuffer { socket.fix(SO_SNDBUF, at: sendBuffer) }
        if let receiveBuffer { socket.fix(SO_RCVBUF, at: receiveBuffer) }
    }

    /// A batch with numbers of its own; with a generation it only holds while that is current.
    func batch(generation: UInt32? = nil, table: Table = .ours) -> Batch {
        Batch(first: socket.nextSequence(), generation: generation, table: table.name)
    }
}

// MARK: Changes

extension NetfilterLink {
    /// Commits; returning means that the kernel has done all of it.
    func commit(_ batch: borrowing Batch) throws(FirewallFault) {
        try exchange(batch, octets: batch.closed())
    }

    /// Lets the kernel check every operation and undo them all: a batch without its end is never committed.
    ///
    /// Nothing that others could see happens, not even the generation moves.
    func rehearse(_ batch: borrowing Batch) throws(FirewallFault) {
        try exchange(batch, octets: batch.octets)
    }

    private func exchange(_ batch: borrowing Batch, octets: [UInt8]) throws(FirewallFault) {
        guard batch.count > 0 else { return }
        socket.skipSequences(batch.count + 1)
        // One datagram is one transaction, so all of it must fit; and an answer each must fit the other way.
        if grows {
            socket.grow(sending: octets.count + octets.count / 2 + 65536, receiving: batch.count * 1024 + 65536)
        }
        do throws(Errno) {
            try socket.send(octets)
        } catch {
            throw FirewallFault(error, octets: octets.count)
        }
        let answers = try drain()
        try judge(answers, of: batch)
    }

    /// All answers that wait.
    ///
    /// nf_tables has given them by the time `send` returns. Where some were lost the rest is taken all the same: a full
    /// buffer would swallow the answer to the next question.
    private func drain() throws(FirewallFault) -> [Acknowledgement] {
        var answers: [Acknowledgement] = []
        var isIncomplete = false
        var more = true
        while more {
            do throws(Errno) {
                more = try socket.receive(waiting: false) { message in
                    if let answer = message.acknowledgement { answers.append(answer) }
                }
            } catch {
                let fault = FirewallFault(error)
                guard fault == .repliesLost else { throw fault }
                isIncomplete = true
            }
        }
        guard isIncomplete else { return answers }
        lostAnswers += 1
        throw .repliesLost
    }

    /// The first objection is the cause; acknowledgements alone prove that all was looked at.
    private func judge(_ answers: [Acknowledgement], of batch: borrowing Batch) throws(FirewallFault) {
        let ours = answers.filter { $0.sequence &- batch.first <= batch.end &- batch.first }
        if let objection = ours.first(where: { $0.code != 0 }) {
            if objection.sequence == batch.first {
                switch objection.code {
                case EPERM: throw .notPermitted
                case ERESTART: throw .changedMeanwhile
                case EOPNOTSUPP, EINVAL: throw .noNFTables
                default: break
                }
            }
            throw .refused(
                operation: batch.label(of: objection.sequence), reason: Errno(objection.code), detail: objection.text)
        }
        guard ours.contains(where: { $0.sequence == batch.last }) else { throw .silent }
    }
}

// MARK: Questions

extension NetfilterLink {
    /// How often a list that changed under us is asked for again.
    private static let attempts = 8

    /// Calls `each` with every object of the answer; nil when the kernel has no such object (ENOENT).
    ///
    /// `reset` runs before each attempt: a list that changed while it was read starts again.
    func ask(
        _ message: nf_tables_msg_types, family: Int = Int(NFPROTO_INET), isList: Bool, reset: () -> Void,
        build: (UnsafeMutablePointer<nlmsghdr>) -> Void, each: (NetlinkMessage) -> Void
    ) throws(FirewallFault) -> Bool {
        for _ in 0..<Self.attempts {
            reset()
            let sequence = socket.nextSequence()
            let request = Self.request(message, family, isList: isList, sequence: sequence, build)
            do throws(Errno) {
                try socket.send(request)
                switch try answers(to: sequence, each) {
                case .complete: return true
                case .absent: return false
                case .interrupted: rereads += 1
                }
            } catch {
                throw message == NFT_MSG_GETGEN ? FirewallFault(answer: error) : FirewallFault(error)
            }
        }
        throw .changedMeanwhile
    }

    private enum Ending { case complete, absent, interrupted }

    private func answers(to sequence: UInt32, _ each: (NetlinkMessage) -> Void) throws(Errno) -> Ending {
        var ending: Ending?
        var failure: Errno?
        var isInterrupted = false
        while ending == nil, failure == nil {
            _ = try socket.receive(waiting: true) { message in
                guard message.sequence == sequence else { return }
                if message.isInterrupted { isInterrupted = true }
                if message.isDone {
                    ending = .complete
                } else if let answer = message.acknowledgement {
                    switch answer.code {
                    case 0: ending = .complete
                    case ENOENT: ending = .absent
                    case EINTR: ending = .interrupted
                    default: failure = Errno(answer.code)
                    }
                } else {
                    each(message)
                }
            }
        }
        if let failure { throw failure }
        return isInterrupted ? .interrupted : ending ?? .complete
    }

    private static func request(
        _ message: nf_tables_msg_types, _ family: Int, isList: Bool, sequence: UInt32,
        _ build: (UnsafeMutablePointer<nlmsghdr>) -> Void
    ) -> [UInt8] {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { room in
            let flags = UInt16(truncatingIfNeeded: isList ? NLM_F_DUMP : NLM_F_ACK)
            guard let start = room.baseAddress?.assumingMemoryBound(to: CChar.self),
                let header = nftnl_nlmsg_build_hdr(
                    start, UInt16(message.rawValue), UInt16(family), flags, sequence)
            else { return [] }
            build(header)
            return Array(UnsafeRawBufferPointer(start: header, count: Int(header.pointee.nlmsg_len)))
        }
    }

    /// The number of the last change of any table in this namespace.
    func generation() throws(FirewallFault) -> UInt32 {
        var generation: UInt32 = 0
        _ = try ask(NFT_MSG_GETGEN, family: Int(NFPROTO_UNSPEC), isList: false, reset: {}, build: { _ in }) { message in
            message.forEachAttribute(after: MemoryLayout<nfgenmsg>.size) { attribute in
                if attribute.type == Int(NFTA_GEN_ID.rawValue) { generation = UInt32(bigEndian: attribute.uint32) }
            }
        }
        return generation
    }
}
