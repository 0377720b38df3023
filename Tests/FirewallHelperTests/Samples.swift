import FirewallPlan

@testable import FirewallHelper

/// A small rule set with one of everything that plans use.
enum Samples {
    static let isTCP: [Expression] = [.meta(.l4proto, into: .r1), .compare(.r1, .equal, [6])]
    static let isV4: [Expression] = [.meta(.nfproto, into: .r1), .compare(.r1, .equal, [2])]
    static let isV6: [Expression] = [.meta(.nfproto, into: .r1), .compare(.r1, .equal, [10])]
    static let toPort25: [Expression] =
        isTCP + [
            .payload(.transport, offset: 2, length: 2, into: .r1), .compare(.r1, .equal, [0, 25]),
        ]
    static let source4 = Expression.payload(.network, offset: 12, length: 4, into: .r1)
    static let source6 = Expression.payload(.network, offset: 8, length: 16, into: .r1)
    static let net64 = Expression.bitwise(
        from: .r1, into: .r1, mask: [UInt8](repeating: 255, count: 8) + [UInt8](repeating: 0, count: 8),
        xor: [UInt8](repeating: 0, count: 16))

    static func mailHosts(_ elements: [SetElement] = [SetElement([10, 60, 1, 24], through: [10, 60, 1, 27])])
        -> NamedSet
    {
        NamedSet("mail_hosts4", .ipv4, flags: .interval, comment: "hosts that may send", elements: elements)
    }

    static let seen4 = NamedSet(
        "seen4", .ipv4, flags: [.dynamic, .timeout], timeout: 86_400_000, size: 65536, contents: .live)
    static let rate6 = NamedSet(
        "rate6", .ipv6, flags: [.dynamic, .timeout], timeout: 600_000, size: 65536, contents: .live)
    static let allowed4 = NamedSet("allowed4", .ipv4, flags: .timeout, contents: .live)
    static let uids = NamedSet("uids", KeyType(.uid), elements: [SetElement([33, 0, 0, 0])])
    static let pairs = NamedSet(
        "pair4", KeyType(.ipv4Address, .ipv4Address), flags: [.dynamic, .timeout], timeout: 3_600_000, size: 1024,
        contents: .live)

    static let forward: [Rule] = [
        Rule(toPort25 + isV4 + [source4, .lookup(set: "mail_hosts4", .r1, isInverted: false), .verdict(.accept)]),
        Rule(
            isV6 + [
                source6, net64,
                .dynset(
                    DynamicUpdate(
                        .update, "rate6", key: .r1,
                        statement: .limit(Limit(rate: 30, unit: 3600, burst: 10, isOver: true)))),
            ], comment: "meter"),
        Rule(isV4 + [source4, .dynset(DynamicUpdate(.update, "seen4", key: .r1, statement: .counter))]),
        Rule([.fib(.reverseInterface, into: .r1), .compare(.r1, .equal, [0]), .counter("spoofed"), .verdict(.drop)]),
        Rule([.log(group: 25, snapLength: 128, queueThreshold: 0, prefix: "portreeve refuse lan ")]),
        Rule(toPort25 + [.counter("refused"), .reject(.tcpReset)], comment: "refuse"),
        Rule([.verdict(.goto("end"))]),
    ]

    static let divert: [Rule] = [
        Rule(
            [.socketTransparent(into: .r1), .compare(.r1, .equal, [1])]
                + [
                    .meta(.mark, into: .r1),
                    .bitwise(from: .r1, into: .r1, mask: [0, 255, 255, 255], xor: [37, 0, 0, 0]),
                ]
                + [.setMeta(.mark, from: .r1), .verdict(.accept)]),
        Rule([.fib(.destinationType, into: .r1), .compare(.r1, .equal, [2, 0, 0, 0]), .verdict(.return)]),
        Rule(
            isV4 + isTCP
                + [
                    .immediate(.r1, [127, 0, 0, 1]), .immediate(.r2, [0x27, 0x29]),
                    .tproxy(family: .ipv4, address: .r1, port: .r2),
                ]),
    ]

    static func ruleset(mailHosts elements: [SetElement]? = nil) -> Ruleset {
        Ruleset(
            counters: ["refused", "spoofed"],
            sets: [elements.map { mailHosts($0) } ?? mailHosts(), seen4, rate6, allowed4, uids, pairs],
            chains: [
                Chain("about", rules: [Rule([.verdict(.return)], comment: "portreeve layout=1 config=0123")]),
                Chain("end", rules: [Rule([.verdict(.return)])]),
                Chain("forward", base: BaseChain(.forward, priority: -5), rules: forward),
                Chain("divert", base: BaseChain(.prerouting, priority: -150), rules: divert),
                Chain("raw", base: BaseChain(.prerouting, priority: -300), rules: [Rule(toPort25 + [.notrack])]),
                Chain(
                    "output", base: BaseChain(.output, priority: 0),
                    rules: [
                        Rule(
                            toPort25 + [
                                .meta(.socketUID, into: .r1), .lookup(set: "uids", .r1, isInverted: true),
                                .reject(.tcpReset),
                            ])
                    ]),
            ])
    }
}
