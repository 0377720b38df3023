import Bytes
import Policy
import Testing

struct ListTests {
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    private func contains(_ list: List, _ text: String, on day: Int32 = 0) -> Bool {
        let text = octets(text)
        return list.contains(text.span, on: day)
    }

    @Test func `The trie answers as a search through all prefixes does`() {
        var numbers = Numbers(state: 7)
        var prefixes: [AddressPrefix] = []
        var builder = ListBuilder(.cidr)
        for _ in 0..<600 {
            let isV4 = Bool.random(using: &numbers)
            let bits = UInt32.random(in: 0..<(1 << 12), using: &numbers) << 20
            let address =
                isV4
                ? IPAddress(v4: bits)
                : IPAddress(
                    high: 0x2001_0db8_0000_0000 | UInt64(bits >> 20), low: numbers.next() & 0xFF00_0000_0000_0000)
            let prefix = AddressPrefix(address, bits: Int.random(in: isV4 ? 6...32 : 40...128, using: &numbers))
            prefixes.append(prefix)
            builder.insert(prefix)
        }
        let list = builder.build()
        #expect(list.count == Set(prefixes).count)
        for _ in 0..<4000 {
            let near = prefixes[Int.random(in: 0..<prefixes.count, using: &numbers)].address
            let flip = UInt64(1) << UInt64.random(in: 0..<40, using: &numbers)
            let address = IPAddress(high: near.high, low: near.isV4 ? near.low ^ (flip & 0xFFFF_FFFF) : near.low ^ flip)
            #expect(list.contains(address, on: 0) == prefixes.contains { $0.contains(address) })
            let wide = AddressPrefix(address, bits: address.isV4 ? 20 : 70)
            #expect(
                list.contains(wide, on: 0)
                    == prefixes.contains { $0.length <= wide.length && $0.contains(wide.address) })
        }
    }

    @Test func `A prefix of all IPv6 addresses has nothing to say of IPv4`() {
        #expect(!list(.cidr, "::/0").contains(address("192.0.2.1"), on: 0))
        #expect(list(.cidr, "0.0.0.0/0").contains(address("::ffff:192.0.2.1"), on: 0))
        #expect(!list(.cidr, "0.0.0.0/0").contains(address("2001:db8::1"), on: 0))
    }

    @Test func `An entry holds up to and including its last day`() {
        var names = ListBuilder(.domain)
        names.insert(octets("example.org"), until: 100)
        names.insert(octets(".example.net"), until: 100)
        let domains = names.build()
        #expect(contains(domains, "example.org", on: 100) && contains(domains, "a.example.net", on: 100))
        #expect(!contains(domains, "example.org", on: 101) && !contains(domains, "a.example.net", on: 101))

        var nets = ListBuilder(.cidr)
        nets.insert(net("10.0.0.0/8"), until: 200)
        nets.insert(net("10.1.0.0/16"), until: 100)
        let addresses = nets.build()
        #expect(addresses.contains(address("10.1.2.3"), on: 200))
        #expect(!addresses.contains(address("10.1.2.3"), on: 201))
    }

    @Test func `Domains are exact names, and suffixes of names`() {
        let domains = list(.domain, "Example.ORG.", ".Example.net")
        #expect(contains(domains, "example.org") && contains(domains, "a.b.example.net"))
        #expect(!contains(domains, "a.example.org") && !contains(domains, "example.net"))
        #expect(!contains(domains, "badexample.net") && !contains(domains, "") && !contains(domains, ".example.net"))
    }

    @Test func `Strings are found as written and, by names, in canonical form`() {
        let words = list(.string, "ECDHE-RSA", "Host.Example.")
        let (written, canonical) = (octets("ECDHE-RSA"), octets("host.example"))
        let found = [
            words.contains(written.span, isPlain: true, on: 0), words.contains(canonical.span, on: 0),
            words.contains(canonical.span, isPlain: true, on: 0),
        ]
        #expect(found == [true, true, false])
    }

    @Test func `A hundred thousand names are all found again, and no others`() {
        var builder = ListBuilder(.address)
        for number in 0..<100_000 { builder.insert(octets("user\(number)@example.org")) }
        let list = builder.build()
        #expect(list.count == 100_000)
        for number in stride(from: 0, to: 100_000, by: 997) {
            #expect(contains(list, "user\(number)@example.org"))
            #expect(!contains(list, "user\(number)@example.net"))
        }
    }
}
