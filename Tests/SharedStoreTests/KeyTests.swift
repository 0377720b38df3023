import Testing
import Throttle

@testable import SharedStore

@Suite struct KeyTests {
    private static func slot(_ key: String) -> UInt16 { KeySlot(of: Array(key.utf8)).number }

    /// The check value of CRC-16/XMODEM, and what CLUSTER KEYSLOT of a real server says.
    @Test func `slots are those that a server reckons`() {
        #expect(Self.slot("123456789") == 0x31C3)
        #expect(Self.slot("foo") == 12182)
        #expect(Self.slot("bar") == 5061)
        #expect(Self.slot("") == 0)
    }

    @Test func `only what stands in the first braces counts, unless it is empty`() {
        #expect(Self.slot("{user1000}.following") == Self.slot("user1000"))
        #expect(Self.slot("foo{bar}{zap}") == Self.slot("bar"))
        #expect(Self.slot("foo{{bar}}zap") == Self.slot("{bar"))
        #expect(Self.slot("foo{}{bar}") != Self.slot("bar"))
        #expect(Self.slot("foo{bar") != Self.slot("bar"))
    }

    @Test func `all limits of one value are on one slot`() {
        let keys = (0..<50).map {
            BucketKey.octets(BucketName(family: $0 &* 0x9E37_79B9_7F4A_7C15, key: Array("a{b}c".utf8)))
        }
        #expect(Set(keys.map { KeySlot(of: $0) }).count == 1)
        #expect(Set(NewsScripts.keys.map { KeySlot(of: $0) }).count == 1)
    }

    @Test func `a bucket's name can be read from its key, and keys of others cannot`() {
        for family in [0, 1, 0xABCD, UInt64.max] {
            for key in [[], [0], Array(0...255), Array("bob@example.org\u{0}192.0.2.0/24".utf8)] as [[UInt8]] {
                let name = BucketName(family: family, key: key)
                let octets = BucketKey.octets(name)
                #expect(BucketKey.name(octets) == name)
                #expect(octets.allSatisfy { (0x21...0x7E).contains($0) })
            }
        }
        let others = [
            "", "portreeve:{news}:state", "portreeve:{a}:000000000000000g", "portreeve:{a}:00000000000000000",
            "portreeve:{a%}:0000000000000001", "portreeve:{a%zz}:0000000000000001", "portreeve:{a b}:0000000000000001",
            "portreeve:a:0000000000000001", "portreeve:{", "portreeve:{}:",
        ]
        for other in others { #expect(BucketKey.name(Array(other.utf8)) == nil, "\(other)") }
    }

    // MARK: Clusters

    private static func node(_ host: String?, _ port: Int64) -> StoreReply {
        .array([host.map { .bulk(Array($0.utf8)) } ?? .null, .integer(port), .bulk([]), .array([])])
    }

    private static let asked = StoreServer(host: "192.0.2.1", port: 7000)

    @Test func `a map says whose each slot is`() {
        let reply = StoreReply.array([
            .array([.integer(0), .integer(8000), Self.node("", 7001), Self.node("192.0.2.9", 7009)]),
            .array([.integer(8001), .integer(8001), Self.node("192.0.2.2", 7002)]),
            .array([.integer(9000), .integer(16383), Self.node(nil, 7001)]),
        ])
        let map = SlotMap(reply, of: Self.asked)
        #expect(
            map?.masters == [StoreServer(host: "192.0.2.1", port: 7001), StoreServer(host: "192.0.2.2", port: 7002)])
        #expect(map?.master(of: KeySlot(number: 8000))?.port == 7001)
        #expect(map?.master(of: KeySlot(number: 8001))?.port == 7002)
        #expect(map?.master(of: KeySlot(number: 8500)) == nil)
        #expect(map?.master(of: KeySlot(number: 16383))?.port == 7001)
    }

    @Test func `a map that makes no sense is none`() {
        let bad: [StoreReply] = [
            .null, .error([]), .array([.integer(1)]), .array([.array([.integer(0), .integer(1)])]),
            .array([.array([.integer(5), .integer(1), Self.node("a", 1)])]),
            .array([.array([.integer(0), .integer(16384), Self.node("a", 1)])]),
            .array([.array([.integer(-1), .integer(3), Self.node("a", 1)])]),
            .array([.array([.integer(0), .integer(3), Self.node("a", 65536)])]),
            .array([.array([.integer(0), .integer(3), .array([])])]),
            .array((0..<2000).map { .array([.integer($0), .integer($0), Self.node("h\($0)", 1)]) }),
        ]
        for reply in bad { #expect(SlotMap(reply, of: Self.asked) == nil) }
    }

    @Test func `redirections are read, and other errors are none`() {
        func read(_ text: String) -> Redirection? { Redirection(Array(text.utf8), of: Self.asked) }
        #expect(
            read("MOVED 3999 192.0.2.5:6381")
                == .moved(KeySlot(number: 3999), StoreServer(host: "192.0.2.5", port: 6381)))
        #expect(read("ASK 1 2001:db8::1:6381") == .ask(StoreServer(host: "2001:db8::1", port: 6381)))
        #expect(read("MOVED 1 :6381") == .moved(KeySlot(number: 1), StoreServer(host: "192.0.2.1", port: 6381)))
        for other in ["MOVED 16384 a:1", "MOVED 1 a", "MOVED 1 a:70000", "MOVED 1", "ERR 1 a:1", "", "MOVED -1 a:1"] {
            #expect(read(other) == nil, "\(other)")
        }
    }
}
