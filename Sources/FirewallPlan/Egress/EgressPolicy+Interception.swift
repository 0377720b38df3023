// Zones whose connections the gateway answers itself: TPROXY to a transparent listener on loopback.
//
// The rules of `forward` stay as they are: with no listener `tproxy` does not match, the packet goes on and is refused.
extension EgressPolicy {
    func interceptionChains(_ interception: Interception) -> [Chain] {
        [divertChain(interception)] + interception.zones.map { divertZone($0, interception) }
            + [untracked(interception), bypassChain, untrackedAnswers(interception)]
    }

    private func divertChain(_ interception: Interception) -> Chain {
        // Packets of connections that are the gateway's on either side, and ICMP errors about them.
        var rules = [UInt8(6), 1, 58].map { number in
            RuleBuilder().protocolNumber(number).transparentSocket().setMark(interception).verdict(.accept).rule()
        }
        // Other protocols first: a port is no reason for them to return.
        rules += [
            RuleBuilder().notTCP().verdict(.return).rule(),
            RuleBuilder().destinationPortNot(25).verdict(.return).rule(),
            RuleBuilder().destinationIsLocal().verdict(.return).rule(),
        ]
        rules += interception.zones.flatMap { zone in
            zone.interfaces.map { RuleBuilder().input($0).verdict(.goto("divert_\(zone.name)")).rule() }
        }
        return Chain("divert", base: BaseChain(.prerouting, priority: -150), rules: rules)
    }

    private func divertZone(_ zone: Interception.Zone, _ interception: Interception) -> Chain {
        var rules = [RuleBuilder().noAttempt().verdict(.return).rule()]
        rules += bypassRules(.return)
        rules += Family.allCases.map { family in
            RuleBuilder().divert(family, to: interception.port(zone.purpose), interception)
                .counting("intercepted_\(zone.name)").verdict(.accept).rule()
        }
        rules.append(RuleBuilder().counting("no_listener").rule("no transparent listener: refused in forward"))
        return Chain("divert_\(zone.name)", rules: rules)
    }

    /// Those whom interception passes by: who may send, who may not at all, who borrows an address, and relays.
    private func bypassRules(_ verdict: Verdict) -> [Rule] {
        let sources: [(set: String, prefix: Int?)] = [
            ("denied", 64), ("mail_hosts", nil), ("exempt", 64), ("allowed", 64),
        ]
        let bySource = sources.flatMap { list in
            Family.allCases.map { family in
                RuleBuilder().address(
                    .source, family, prefix: list.prefix.flatMap(family.prefix), in: list.set + family.suffix
                )
                .verdict(verdict).rule()
            }
        }
        let byDestination = Family.allCases.map { family in
            RuleBuilder().address(.destination, family, in: "relays\(family.suffix)").verdict(verdict).rule()
        }
        return bySource + byDestination
            + (spoofed == .accept ? [] : [RuleBuilder().borrowedSource().verdict(verdict).rule()])
    }

    /// Connection tracking would take the client's connection and the gateway's onward one for the same.
    private func untracked(_ interception: Interception) -> Chain {
        let rules = interception.zones.flatMap { zone in
            zone.interfaces.map { RuleBuilder().destinationPort(25).input($0).verdict(.goto("untracked")).rule() }
        }
        return Chain("raw_in", base: BaseChain(.prerouting, priority: -300), rules: rules)
    }

    /// Those who pass by stay tracked, or address translation would skip them.
    private var bypassChain: Chain {
        Chain("untracked", rules: bypassRules(.return) + [RuleBuilder().adding(.notrack).rule()])
    }

    /// What the gateway sends towards clients; its listeners' mark tells it from a mail server on this machine.
    private func untrackedAnswers(_ interception: Interception) -> Chain {
        let rules = interception.zones.flatMap { zone in
            zone.interfaces.map { interface in
                RuleBuilder().sourcePort(25).mark(interception.upstreamMark, mask: 0xFF00).output(interface)
                    .adding(.notrack).rule()
            }
        }
        return Chain("raw_out", base: BaseChain(.output, priority: -300), rules: rules)
    }
}
