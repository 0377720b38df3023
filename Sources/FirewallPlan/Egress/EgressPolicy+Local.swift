// This machine's own mail, by the user whose process sends it; and the gateway's bans.
extension EgressPolicy {
    /// The zone that reports call this machine.
    public static let localZone = "local"

    var localChains: [Chain] {
        guard let local else { return [] }
        let isBlocking = local.isBlocking && !isMonitored
        var output = [
            RuleBuilder().notTCP().verdict(.return).rule(),
            RuleBuilder().noAttempt().verdict(.return).rule("connections that exist go on"),
            RuleBuilder().output(.loopback).verdict(.return).rule(),
            RuleBuilder().mark(Interception(zones: []).upstreamMark, mask: 0xFF00).verdict(.return)
                .rule("the gateway's own"),
            RuleBuilder().socketUID(in: "local_users").verdict(.return).rule(),
        ]
        output += ports.map { RuleBuilder().destinationPort($0).verdict(.goto("local_mail")).rule() }
        return [
            Chain("output", base: BaseChain(.output, priority: 0), rules: output),
            Chain(
                "local_mail",
                rules: [RuleBuilder().verdict(.jump("to_relays")).rule()]
                    + evidence(isBlocking ? .refused : .wouldRefuse, zone: Self.localZone, .source, prefix: 64) + [
                        isBlocking
                            ? RuleBuilder().tcp().counting("refused_local").reset().rule()
                            : RuleBuilder().counting("would_refuse_local").verdict(.accept).rule()
                    ]),
        ]
    }

    var banChain: Chain {
        var rules = [
            RuleBuilder().noAttempt().verdict(.return).rule(),
            RuleBuilder().destinationPort(notIn: "gateway_ports").verdict(.return).rule(),
        ]
        rules.insert(RuleBuilder().notTCP().verdict(.return).rule(), at: 0)
        rules += Family.allCases.map { family in
            RuleBuilder().address(.source, family, in: "never_banned\(family.suffix)").verdict(.return).rule()
        }
        rules += Family.allCases.map { family in
            RuleBuilder().address(.source, family, prefix: family.prefix(64), in: HostSet.banned.name(family))
                .counting("banned").verdict(.drop).rule()
        }
        return Chain("input", base: BaseChain(.input, priority: -5), rules: rules)
    }

    func banSets(_ site: Site) -> [NamedSet] {
        let ports = Set(site.gatewayPorts).sorted().map { SetElement($0.networkOctets) }
        return [NamedSet("gateway_ports", KeyType(.inetService), comment: "the gateway's listeners", elements: ports)]
            + Family.allCases.flatMap { family in
                [
                    NamedSet(
                        "never_banned\(family.suffix)", family.key, flags: .interval,
                        comment: "mail hosts, relays, backends, administrators",
                        elements: AddressIntervals.elements(mailHosts + relays + site.neverBanned, family)),
                    NamedSet(
                        HostSet.banned.name(family), family.key, flags: .timeout, comment: "the gateway's bans",
                        contents: .live),
                ]
            }
    }
}

extension InterfacePattern {
    fileprivate init(known text: String) {
        self.text = text
        isPrefix = false
    }

    static let loopback = InterfacePattern(known: "lo")
}
