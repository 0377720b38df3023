internal import Bytes
internal import Diagnostics

/// One connection to a policy of kind egress.
struct PacketStep: Sendable {
    var interface = ""
    var source = IPAddress(v4: 0)
    var destination = IPAddress(v4: 0)
    var port: UInt16 = 25
    /// The source's address does not belong behind that interface.
    var isSpoofed = false
    /// A SYN/ACK from that port towards a host behind the interface, instead of a SYN from one.
    var isAnswer = false
    var times = 1
    /// Nanoseconds before it.
    var advance: UInt64 = 0
    var expected = PacketExpectation(range: .file(""))
}

/// What a step expects; what is nil may be anything.
struct PacketExpectation: Sendable {
    var fate: String?
    /// A counter that counts it.
    var counter: String?
    var range: SourceRange
}
