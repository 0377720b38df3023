import Bytes
import FirewallPlan
import Testing

@testable import FirewallHelper

@Suite("What the packet log tells")
struct RecordTests {
    private func flow(_ octets: [UInt8]) -> (String, String, UInt16?, UInt16?)? {
        octets.withUnsafeBytes { PacketRecord.flow(of: $0) }.map {
            ($0.0.description, $0.1.description, $0.ports?.0, $0.ports?.1)
        }
    }

    private let v4: [UInt8] =
        [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 60, 1, 10, 10, 60, 2, 2] + [0x9C, 0x40, 0, 25]
    private let v6: [UInt8] =
        [0x60, 0, 0, 0, 0, 20, 6, 64] + [0xFD, 0x60] + [UInt8](repeating: 0, count: 13) + [0x10] + [0xFD, 0x60]
        + [UInt8](repeating: 0, count: 13) + [2]

    @Test func `Addresses and ports of both families`() throws {
        let four = try #require(flow(v4))
        #expect(four == ("10.60.1.10", "10.60.2.2", 40000, 25))
        let six = try #require(flow(v6 + [0x9C, 0x40, 0, 25]))
        #expect(six == ("fd60::10", "fd60::2", 40000, 25))
    }

    @Test func `Options, extension headers and fragments are no ports`() throws {
        var options = v4
        options[0] = 0x46
        options.insert(contentsOf: [1, 1, 1, 1], at: 20)
        #expect(try #require(flow(options)).3 == 25)
        var fragment = v4
        fragment[7] = 1
        #expect(try #require(flow(fragment)).3 == nil)
        var extended = v6
        extended[6] = 0
        extended += [6, 0, 0, 0, 0, 0, 0, 0] + [0x9C, 0x40, 0, 25]
        #expect(try #require(flow(extended)).3 == 25)
    }

    @Test func `Every beginning of a packet is a record without ports or none`() {
        for packet in [v4, v6 + [0x9C, 0x40, 0, 25]] {
            for count in packet.indices {
                if let known = flow(Array(packet[..<count])) { #expect(known.3 == nil) }
            }
        }
        #expect(flow([0x25] + v4.dropFirst()) == nil)
    }

    @Test func `Header lengths that lie point nowhere`() throws {
        var long = v4
        long[0] = 0x4F
        #expect(try #require(flow(long)).3 == nil)
        var endless = v6
        endless[6] = 60
        endless += [60, 255]
        #expect(try #require(flow(endless)).3 == nil)
    }
}

@Suite("Who tried")
struct OffenderBookTests {
    private func attempt(
        _ source: String, _ target: String, at seconds: UInt64, _ action: Attempt.Action = .refused
    ) throws -> Attempt {
        Attempt(
            time: seconds * 1000, action: action, zone: "lan",
            source: Endpoint(address: try #require(IPAddress(source)), port: 4000),
            destination: Endpoint(address: try #require(IPAddress(target)), port: 25), inputInterface: "lan0",
            outputInterface: "wan0", macAddress: "02:00:00:00:00:01", uid: nil)
    }

    @Test func `A host has its first and last try, its destinations and the kernel's count`() throws {
        var book = OffenderBook()
        try book.note(attempt("10.0.0.1", "192.0.2.1", at: 100), bits: 64)
        try book.note(attempt("10.0.0.1", "192.0.2.2", at: 150), bits: 64)
        try book.note(attempt("10.0.0.1", "192.0.2.2", at: 200), bits: 64)
        let host = try #require(AddressPrefix("10.0.0.1"))
        let found = try #require(book.report(since: 0, counted: [host: (attempts: 77, last: 210)]).first)
        #expect((found.first, found.last, found.attempts, found.destinations) == (100, 210, 77, 2))
        #expect(found.topDestinations.map(\.description) == ["192.0.2.2", "192.0.2.1"])
        #expect((found.macAddress, found.interface, found.zone) == ("02:00:00:00:00:01", "lan0", "lan"))
    }

    @Test func `Addresses of one IPv6 net are one host, and an old one is left out`() throws {
        var book = OffenderBook()
        try book.note(attempt("2001:db8::1", "2001:db8:f::1", at: 100), bits: 64)
        try book.note(attempt("2001:db8::2", "2001:db8:f::1", at: 300), bits: 64)
        try book.note(attempt("10.0.0.9", "192.0.2.1", at: 50), bits: 64)
        #expect(book.report(since: 60, counted: [:]).map(\.host.description) == ["2001:db8::/64"])
    }

    @Test func `Hosts of a zone with a shorter prefix are told apart by that`() throws {
        var book = OffenderBook()
        try book.note(attempt("2001:db8:0:1::1", "2001:db8:f::1", at: 100), bits: 56)
        try book.note(attempt("2001:db8:0:2::1", "2001:db8:f::1", at: 200), bits: 56)
        try book.note(attempt("10.0.0.9", "192.0.2.1", at: 50), bits: 56)
        #expect(
            book.report(since: 0, counted: [:]).map(\.host.description).sorted() == ["10.0.0.9/32", "2001:db8::/56"])
    }

    @Test func `A forged answer accuses the host that it is for`() throws {
        var book = OffenderBook()
        try book.note(attempt("192.0.2.25", "10.0.0.5", at: 100, .triangular), bits: 64)
        let found = try #require(book.report(since: 0, counted: [:]).first)
        #expect(found.host.description == "10.0.0.5/32" && found.interface == "wan0")
    }

    @Test func `A flood of sources and of destinations is held within bounds`() throws {
        var book = OffenderBook()
        for number in 0..<(OffenderBook.capacity + 1000) {
            let source = IPAddress(v4: 0x0A00_0000 + UInt32(number))
            var one = try attempt("10.0.0.1", "192.0.2.1", at: 100)
            one.source.address = source
            book.note(one, bits: 64)
        }
        #expect(book.entries.count == OffenderBook.capacity)
        for number in 0..<1000 {
            var one = try attempt("10.0.0.1", "192.0.2.1", at: 101)
            one.destination.address = IPAddress(v4: 0xC000_0200 + UInt32(number))
            book.note(one, bits: 64)
        }
        let host = try #require(AddressPrefix("10.0.0.1"))
        #expect(book.entries[host]?.tries.count == OffenderBook.destinations)
    }

    @Test func `What was written down is known to the next process`() throws {
        var book = OffenderBook()
        try book.note(attempt("10.0.0.1", "192.0.2.1", at: 100), bits: 64)
        var next = OffenderBook()
        next.restore(book.report(since: 0, counted: [:]))
        #expect(next.report(since: 0, counted: [:]) == book.report(since: 0, counted: [:]))
    }
}
