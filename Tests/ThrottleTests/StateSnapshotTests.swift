import Bytes
import Testing

@testable import Throttle

struct StateSnapshotTests {
    private let second: UInt64 = 1_000_000_000
    private let alice = Array("alice@example.org".utf8)
    private let rate = RateLimit(count: 1, period: 1_000_000_000, burst: 5)

    private var net: AddressPrefix { AddressPrefix(IPAddress(v4: 0xCB00_7107), bits: 32) }

    private func bucket(_ key: String) -> BucketName { BucketName(family: 7, key: Array(key.utf8)) }

    private func full(_ now: UInt64) -> (LimitTable, PeerBooks) {
        let (buckets, peers) = (LimitTable(capacity: 100), PeerBooks())
        for _ in 0..<5 { _ = buckets.charge([BucketCharge(bucket("alice"), rate: rate)], now: now) }
        _ = buckets.charge([BucketCharge(bucket("bob"), rate: rate)], now: now)
        _ = peers.bans.ban(
            BanEntry(.net(net), since: now, until: now + 60 * second, reason: "p/r", isProxied: true))
        _ = peers.bans.ban(
            BanEntry(.user(alice), since: now, until: now + 600 * second, reason: "by hand, Zoë", isManual: true))
        peers.logins.succeeded(alice, from: net, now: now)
        peers.accounts.loggedIn(alice, from: net, now: now)
        return (buckets, peers)
    }

    private func snapshot() -> StateSnapshot {
        let (buckets, peers) = full(900 * second)
        return StateSnapshot(of: buckets, peers, now: 900 * second, savedAt: 1_000_000)
    }

    @Test func `What was written is read`() throws {
        let snapshot = snapshot()
        #expect(snapshot.buckets.count == 2 && snapshot.bans.count == 2 && snapshot.logins.count == 1)
        #expect(try StateSnapshot(octets: snapshot.octets) == snapshot)
        let empty = StateSnapshot(savedAt: -5)
        #expect(try StateSnapshot(octets: empty.octets) == empty)
    }

    @Test func `The next process goes on where the last one stopped, on its own clock`() throws {
        let (buckets, peers) = (LimitTable(capacity: 100), PeerBooks())
        // Two seconds later, on a machine that has run for 50 s.
        let (now, wall) = (50 * second, Int64(1_000_000 + 2 * second))
        snapshot().restore(to: buckets, peers, now: now, wall: wall)
        #expect(buckets.remaining(bucket("alice"), rate: rate, now: now) == 2)
        #expect(buckets.remaining(bucket("bob"), rate: rate, now: now) == 5)
        #expect(peers.bans.ban(of: net.address, now: now)?.until == now + 58 * second)
        let hold = try #require(peers.bans.ban(ofUser: alice, now: now))
        #expect(hold.isManual && hold.reason == "by hand, Zoë")
        #expect(peers.logins.knows(alice, from: net, now: now))
        #expect(peers.accounts.use(of: alice, now: now).distinctNets == 1)
    }

    @Test func `A wall clock that was set back makes nothing stricter, one that was set forward forgives`() {
        for (wall, remaining) in [(-10_000_000_000, 0), (1_000_000 + 3600 * Int64(second), 5)] as [(Int64, UInt64)] {
            let (buckets, peers) = (LimitTable(capacity: 100), PeerBooks())
            snapshot().restore(to: buckets, peers, now: 50 * second, wall: wall)
            #expect(buckets.remaining(bucket("alice"), rate: rate, now: 50 * second) == remaining)
        }
    }

    @Test func `A file that was cut or changed anywhere is damaged, not believed`() {
        let octets = snapshot().octets
        for end in 0..<octets.count {
            #expect(throws: StateFault.self) { try StateSnapshot(octets: Array(octets[..<end])) }
        }
        for place in octets.indices {
            var changed = octets
            changed[place] ^= 0x10
            #expect(throws: StateFault.self) { try StateSnapshot(octets: changed) }
        }
        #expect(throws: StateFault.self) { try StateSnapshot(octets: octets + [0]) }
    }

    @Test func `Content that is odd behind a good checksum is damaged or restored, and never traps`() {
        let octets = snapshot().octets
        var numbers = Numbers(state: 11)
        var readable = 0
        for _ in 0..<3000 {
            var odd = Array(octets.dropLast(8))
            for _ in 0...numbers.next() % 3 {
                let place = 8 + Int(numbers.next() % UInt64(odd.count - 8))
                odd[place] =
                    [0, 1, 0x7F, 0x80, 0xFF, UInt8(truncatingIfNeeded: numbers.next())][Int(numbers.next() % 6)]
            }
            let sum = StateSnapshot.checksum(odd[...])
            for place in 0..<8 { odd.append(UInt8(truncatingIfNeeded: sum >> (8 * UInt64(place)))) }
            guard let snapshot = try? StateSnapshot(octets: odd) else { continue }
            readable += 1
            let (buckets, peers) = (LimitTable(capacity: 100), PeerBooks())
            snapshot.restore(to: buckets, peers, now: 50 * second, wall: Int64(truncatingIfNeeded: numbers.next()))
            #expect(StateSnapshot(of: buckets, peers, now: 51 * second, savedAt: 0).octets.count < 4096)
        }
        #expect(readable > 100)
    }

    @Test func `Another version and another kind of file are told apart from damage`() {
        var octets = snapshot().octets
        octets[7] = 9
        #expect(throws: StateFault.version(9)) { try StateSnapshot(octets: octets) }
        #expect(throws: StateFault.notState) { try StateSnapshot(octets: Array("%PDF-1.7".utf8)) }
    }
}
