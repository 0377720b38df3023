import Bytes
import Testing
import Throttle

struct BanTableTests {
    private let second: UInt64 = 1_000_000_000

    private func net(_ text: String) throws -> BanSubject {
        .net(try #require(AddressPrefix(text)))
    }

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    private func entry(_ subject: BanSubject, _ since: UInt64, _ seconds: UInt64) -> BanEntry {
        BanEntry(subject, since: since, until: since + seconds * second, reason: "p/r")
    }

    @Test func `A net is banned until its time is over, its neighbours never`() throws {
        let table = BanTable()
        #expect(table.isEmpty)
        let ban = entry(try net("203.0.113.7/32"), 5, 60)
        #expect(table.ban(ban) == .began(ban))
        #expect(table.ban(of: try address("203.0.113.7"), now: 5) == ban)
        #expect(table.ban(of: try address("203.0.113.7"), now: 5 + 60 * second) == nil)
        #expect(table.ban(of: try address("203.0.113.8"), now: 5) == nil)
        #expect(!table.isEmpty)
    }

    @Test func `A wider net covers every address in it, and the ban that lasts longest is the one that counts`() throws
    {
        let table = BanTable()
        _ = table.ban(entry(try net("2001:db8::/32"), 0, 60))
        _ = table.ban(entry(try net("2001:db8:1::/64"), 0, 10))
        _ = table.ban(entry(try net("0.0.0.0/1"), 0, 60))
        #expect(table.ban(of: try address("2001:db8:1::9"), now: 0)?.until == 60 * second)
        #expect(table.ban(of: try address("2001:db9::9"), now: 0) == nil)
        #expect(table.ban(of: try address("9.9.9.9"), now: 0) != nil)
        #expect(table.ban(of: try address("129.0.0.1"), now: 0) == nil)
    }

    @Test func `A ban is prolonged, never shortened`() throws {
        let table = BanTable()
        let host = try net("203.0.113.7/32")
        let long = entry(host, 0, 600)
        _ = table.ban(long)
        #expect(table.ban(entry(host, 5, 60)) == .unchanged(long))
        guard case .prolonged(let longer) = table.ban(entry(host, 5, 700)) else {
            Issue.record("the ban was not prolonged")
            return
        }
        #expect(longer.since == 0 && longer.until == 5 + 700 * second)
    }

    @Test func `Nobody bans the immune, nor a net that holds one of them`() throws {
        let table = BanTable()
        let office = try #require(AddressPrefix("192.0.2.0/24"))
        _ = table.ban(entry(try net("192.0.2.9/32"), 0, 60))
        table.setImmunities([Immunity(office, "bans.never")])
        #expect(table.ban(of: try address("192.0.2.9"), now: 0) == nil)
        for text in ["192.0.2.9/32", "192.0.2.0/24", "192.0.0.0/16", "0.0.0.0/0"] {
            #expect(table.ban(entry(try net(text), 0, 60)) == .immune(reason: "bans.never"))
        }
        #expect(table.all(now: 0).isEmpty)
    }

    @Test func `A user is held and released`() {
        let table = BanTable()
        let alice = Array("alice@example.org".utf8)
        _ = table.ban(entry(.user(alice), 0, 60))
        #expect(table.ban(ofUser: alice, now: 1)?.reason == "p/r")
        #expect(table.ban(ofUser: Array("bob@example.org".utf8), now: 1) == nil)
        #expect(table.lift(.user(alice), now: 1))
        #expect(!table.lift(.user(alice), now: 1))
        #expect(table.ban(ofUser: alice, now: 1) == nil && table.isEmpty)
    }

    @Test func `A full table forgets the bans that end soonest, and what is over first of all`() throws {
        let table = BanTable(capacity: 64)
        for number in 0..<64 {
            _ = table.ban(entry(try net("203.0.113.\(number)/32"), 0, UInt64(number < 32 ? 1 : 100 + number)))
        }
        _ = table.ban(entry(try net("198.51.100.1/32"), 2 * second, 60))
        #expect(table.all(now: 2 * second).count == 33)
        for number in 0..<64 { _ = table.ban(entry(try net("10.0.0.\(number)/32"), 2 * second, 1000)) }
        #expect(table.all(now: 2 * second).count <= 64)
        #expect(table.ban(of: try address("10.0.0.63"), now: 2 * second) != nil)
        #expect(table.removeExpired(now: 10_000 * second).count <= 64)
        #expect(table.isEmpty)
    }
}
