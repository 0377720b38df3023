import Bytes
import FirewallPlan
import Testing

@Suite struct WireTests {
    private static let host = AddressPrefix("2001:db8:1:2::/64").map { [$0] } ?? []
    private static let everyExpression: [Expression] = [
        .meta(.l4proto, into: .r1), .setMeta(.mark, from: .r1),
        .payload(.network, offset: 12, length: 4, into: .word(1)), .compare(.r1, .notEqual, [6]),
        .bitwise(from: .r1, into: .r1, mask: [255, 0], xor: [0, 0]), .lookup(set: "a", .r1, isInverted: true),
        .immediate(.r2, [1, 2]), .verdict(.accept), .verdict(.drop), .verdict(.return), .verdict(.jump("x")),
        .verdict(.goto("y")), .counter("c"), .log(group: 25, snapLength: 128, queueThreshold: 0, prefix: "p "),
        .limit(Limit(rate: 1, unit: 60, burst: 2, isOver: false)),
        .dynset(DynamicUpdate(.add, "s", key: .r1)),
        .dynset(DynamicUpdate(.update, "s", key: .r1, timeout: 5, statement: .counter)),
        .dynset(
            DynamicUpdate(
                .update, "s", key: .r1, statement: .limit(Limit(rate: 1, unit: 1, burst: 1, isOver: true)))),
        .fib(.reverseInterface, into: .r1), .fib(.destinationType, into: .r1), .socketTransparent(into: .r1),
        .tproxy(family: .ipv6, address: .r1, port: .r2), .reject(.tcpReset), .connectionState(into: .r1), .notrack,
    ]

    private static var deployment: Deployment {
        let sets = [
            NamedSet(
                "hosts", .ipv4, flags: [.interval, .timeout], timeout: 1000, size: 5, comment: "hosts",
                elements: [SetElement([10, 0, 0, 0], through: [10, 0, 0, 9], timeout: 7, comment: "until noon")]),
            NamedSet("pairs", KeyType(.ipv6Address, .ipv6Address), flags: .dynamic, contents: .live),
        ]
        let ruleset = Ruleset(
            counters: ["c"], sets: sets,
            chains: [Chain("f", base: BaseChain(.forward, priority: -5), rules: [Rule(everyExpression, comment: "r")])])
        let zone = Interception.Zone(
            name: "lan", interfaces: [InterfacePattern("ppp*")].compactMap { $0 }, purpose: .explain, upstream: .own)
        return Deployment(
            policy: "p", ruleset: ruleset, interception: Interception(zones: [zone]), neverBanned: host)
    }

    private static var requests: [HelperRequest] {
        let address = IPAddress(v4: 0x0A00_0001)
        return host.flatMap { host -> [HelperRequest] in
            [
                .allow(host, seconds: 60, reason: "ticket 7"), .deny(host, seconds: nil, reason: ""),
                .forget(.blocked, host), .ban(host, milliseconds: 5, reason: "r"),
            ]
        } + [
            .status, .check(deployment), .apply(deployment, confirmWithin: 60), .apply(deployment, confirmWithin: nil),
            .confirm(digest: "0123"), .off, .counters, .offenders(since: 9), .hosts(.banned), .observe,
            .listener(.relay, .ipv6),
            .upstream(client: address, destination: Endpoint(address: address, port: 25)), .attempts,
        ]
    }

    private static var replies: [HelperReply] {
        let end = Endpoint(address: IPAddress(v4: 1), port: 25)
        let counters = [CounterValue(name: "c", packets: 1, bytes: 2)]
        return [
            .done, .refused(.init(.kernel, "no")), .applied(operations: 3, confirmWithin: 9), .counters(counters),
            .ruleset(deployment.ruleset), .socket,
            .offenders(
                host.map {
                    Offender(
                        host: $0, zone: "z", action: .caught, attempts: 1, first: 2, last: 3, destinations: 4,
                        topDestinations: [end.address], macAddress: "m", interface: "i")
                }),
            .hosts(host.map { HostEntry(host: $0, secondsLeft: nil, reason: "r") }),
            .attempt(
                Attempt(
                    time: 1, action: .triangular, zone: "z", source: end, destination: end, inputInterface: "a",
                    outputInterface: "b", macAddress: "", uid: 33)),
            .status(
                HelperStatus(
                    policy: "p", digest: "d", confirmWithin: nil, ownership: .owned, appliedAt: 1, repairs: 2,
                    lastCulprit: "nft", lostRecords: 3, setSizes: counters, missingFeatures: ["tproxy"])),
        ]
    }

    @Test(arguments: requests) func aRequestIsReadAsItWasWritten(_ request: HelperRequest) throws {
        #expect(try HelperRequest(wire: request.wire) == request)
    }

    @Test(arguments: replies) func aReplyIsReadAsItWasWritten(_ reply: HelperReply) throws {
        #expect(try HelperReply(wire: reply.wire) == reply)
    }

    @Test func everyBeginningOfAMessageIsRefused() {
        let octets = HelperRequest.apply(Self.deployment, confirmWithin: 1).wire
        for length in 0..<octets.count {
            #expect(throws: WireError.self) { try HelperRequest(wire: Array(octets[..<length])) }
        }
        #expect(throws: WireError.trailing) { try HelperRequest(wire: octets + [0]) }
    }

    /// No octet that a peer changes makes more than an error or another value; nothing traps or grows.
    @Test func everyChangedOctetIsReadOrRefused() {
        let octets = HelperRequest.apply(Self.deployment, confirmWithin: 1).wire
        var refused = 0
        for index in octets.indices {
            for value in [UInt8(0), 1, 0x7F, 0xFF] where octets[index] != value {
                var changed = octets
                changed[index] = value
                if let request = try? HelperRequest(wire: changed) {
                    #expect(request.wire == changed)
                } else {
                    refused += 1
                }
            }
        }
        #expect(refused > octets.count)
    }

    @Test func anotherVersionIsRefusedAsSuch() {
        var octets = HelperRequest.status.wire
        octets[0] = 2
        #expect(throws: WireError.version) { try HelperRequest(wire: octets) }
    }

    @Test func aFrameSaysItsLengthAndNoneIsTooLong() {
        let frame = Frame.encode(HelperRequest.confirm(digest: "abc"))
        #expect(Frame.bodyLength(Array(frame[..<4])) == frame.count - 4)
        #expect(Frame.bodyLength([0xFF, 0, 0, 0]) == nil)
        #expect(Frame.bodyLength([0, 0]) == nil)
    }

    @Test func theDigestIgnoresWhatIsLeftOfATimeout() {
        var later = Self.deployment
        later.ruleset.sets[0].elements[0].timeout = 3
        #expect(later.digest == Self.deployment.digest)
        later.ruleset.sets[0].elements[0].comment = "until one"
        #expect(later.digest != Self.deployment.digest)
    }

    @Test func aLogPrefixNamesTheActionAndTheZone() {
        let prefix = LogPrefix(.wouldRefuse, zone: "customers")
        #expect(prefix.text == "portreeve observe customers ")
        #expect(LogPrefix(prefix.text) == prefix)
        #expect(LogPrefix("something else ") == nil)
    }

    @Test func anInterfacePatternIsANameOrTheBeginningOfNames() throws {
        let ppp = try #require(InterfacePattern("ppp*"))
        let one = try #require(InterfacePattern("ppp0"))
        #expect(ppp.matches("ppp12") && !one.matches("ppp12") && ppp.overlaps(one) && one.overlaps(ppp))
        for bad in ["", "*", "a b", "a/b", "a*b", "\"", "sixteen-letters0", "."] {
            #expect(InterfacePattern(bad) == nil)
        }
    }
}
