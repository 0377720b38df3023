// The wanted state of the kernel. Chains and sets have fixed names, zones add chains of their own; a change of lists
// changes elements only.
//
// A meter never shares a rule with a verdict: a full set makes its rule stop matching, and a refusal in the same rule
// would then let the packet pass. Meters write into sets; the next rule looks into those.
extension EgressPolicy {
    /// Rises when rules of the same policy become others.
    static let layout = 1

    /// What `apply` hands to the helper.
    public func deployment(at site: Site) -> Deployment {
        Deployment(
            policy: name, ruleset: ruleset(at: site), interception: interception,
            neverBanned: mailHosts + relays + site.neverBanned, madeAt: site.now)
    }

    /// Everything of our table.
    public func ruleset(at site: Site) -> Ruleset {
        var plan = Ruleset()
        plan.sets = sets(at: site)
        plan.chains = [forwardChain] + zones.flatMap(zoneChains) + sharedChains
        if let interception { plan.chains += interceptionChains(interception) }
        if local != nil { plan.chains += localChains }
        if !site.gatewayPorts.isEmpty { plan.chains.append(banChain) }
        var seen: Set<String> = []
        plan.counters = plan.chains.flatMap(\.rules).flatMap(\.expressions).compactMap(\.counter)
            .filter { seen.insert($0).inserted }
        plan.chains.insert(about(plan), at: 0)
        return plan
    }

    /// How packets of intercepted zones are routed; nil if no zone intercepts.
    public var interception: Interception? {
        let intercepting = isMonitored ? [] : zones.filter { $0.purpose != nil }
        guard !intercepting.isEmpty else { return nil }
        return Interception(
            zones: intercepting.compactMap { zone in
                zone.purpose.map {
                    Interception.Zone(
                        name: zone.name, interfaces: zone.interfaces, purpose: $0, upstream: zone.upstream)
                }
            })
    }

    /// A chain of no hook with one rule whose comment says which plan this is.
    private func about(_ plan: Ruleset) -> Chain {
        var shape = plan
        for index in shape.sets.indices { shape.sets[index].elements = [] }
        let comment = "\(Table.ours.name) layout=\(Self.layout) config=\(Fingerprint.hex(shape.wire))"
        return Chain("about", rules: [RuleBuilder().verdict(.return).rule(comment)])
    }

    // MARK: Zones

    /// The name under which a zone's packets are counted, logged and treated when nothing permits them.
    func isMonitoring(_ zone: Zone) -> Bool { isMonitored || zone.mode == .monitor }

    private var forwardChain: Chain {
        var rules = [RuleBuilder().notTCP().verdict(.return).rule()]
        for zone in zones {
            for port in ports {
                for interface in zone.interfaces {
                    rules.append(
                        RuleBuilder().destinationPort(port).input(interface).verdict(.goto("zone_\(zone.name)")).rule())
                }
            }
        }
        for zone in zones where guardsAnswers(zone) {
            for interface in zone.interfaces {
                rules.append(
                    RuleBuilder().sourcePort(25).answer().output(interface)
                        .verdict(.goto("answer_\(zone.name)")).rule())
            }
        }
        return Chain("forward", base: BaseChain(.forward, priority: -5), rules: rules)
    }

    /// An adaptive host may talk until it is caught, so answers to it are expected.
    private func guardsAnswers(_ zone: Zone) -> Bool { triangular != .accept && zone.mode != .adaptive }

    private func zoneChains(_ zone: Zone) -> [Chain] {
        var chains = [entryChain(zone), verdictChain(zone)]
        if spoofed != .accept { chains.append(spoofedChain(zone)) }
        if zone.mode == .adaptive { chains += meterChains(zone) }
        if guardsAnswers(zone) { chains.append(answerChain(zone)) }
        return chains
    }

    private func entryChain(_ zone: Zone) -> Chain {
        var rules = Family.allCases.map { family in
            RuleBuilder().address(.source, family, prefix: 64, in: HostSet.denied.name(family))
                .verdict(.goto(verdictName(zone))).rule()
        }
        rules.append(RuleBuilder().verdict(.jump("to_relays")).rule())
        if spoofed != .accept {
            rules.append(RuleBuilder().borrowedSource().verdict(.jump("spoofed_\(zone.name)")).rule())
        }
        rules.append(RuleBuilder().verdict(.jump("permitted")).rule())
        if zone.mode == .adaptive {
            rules += blockedRules(zone, to: verdictName(zone))
            rules.append(RuleBuilder().attempt().verdict(.jump("measure_\(zone.name)")).rule())
        } else {
            rules.append(RuleBuilder().verdict(.goto(verdictName(zone))).rule())
        }
        return Chain("zone_\(zone.name)", rules: rules)
    }

    func verdictName(_ zone: Zone) -> String {
        (isMonitoring(zone) ? "observe_" : "refuse_") + zone.name
    }

    private func verdictChain(_ zone: Zone) -> Chain {
        let isMonitoring = isMonitoring(zone)
        var rules: [Rule] = []
        if isMonitoring || keepsExisting { rules.append(RuleBuilder().noAttempt().verdict(.accept).rule()) }
        rules += evidence(isMonitoring ? .wouldRefuse : .refused, zone: zone.name, .source, prefix: zone.ipv6Prefix)
        rules.append(
            isMonitoring
                ? RuleBuilder().counting("would_refuse_\(zone.name)").verdict(.accept).rule()
                : RuleBuilder().tcp().counting("refused_\(zone.name)").reset().rule())
        return Chain(verdictName(zone), rules: rules)
    }

    /// Counts the host, and logs it at most six times a minute.
    func evidence(_ action: Attempt.Action, zone: String, _ end: RuleBuilder.End, prefix: Int) -> [Rule] {
        let counted =
            end == .source
            ? Family.allCases.map { family in
                RuleBuilder().load(end, family, prefix: family.prefix(prefix))
                    .update(.update, "seen\(family.suffix)", .counter).rule()
            } : []
        return counted
            + Family.allCases.map { family in
                RuleBuilder().load(end, family, prefix: family.prefix(prefix))
                    .update(.update, "logged\(family.suffix)", .limit(Self.logRate))
                    .log(action, zone: zone, group: logGroup).rule()
            }
    }

    private static let logRate = Limit(rate: 6, unit: 60, burst: 3, isOver: false)

    private func spoofedChain(_ zone: Zone) -> Chain {
        let isMonitoring = spoofed == .monitor || isMonitoring(zone)
        let logged = Family.allCases.map { family in
            RuleBuilder().load(.source, family, prefix: family.prefix(zone.ipv6Prefix))
                .update(.update, "logged\(family.suffix)", .limit(Self.logRate))
                .log(.spoofed, zone: zone.name, group: logGroup).rule()
        }
        let counted = RuleBuilder().counting("spoofed")
        return Chain(
            "spoofed_\(zone.name)", rules: logged + [(isMonitoring ? counted : counted.verdict(.drop)).rule()])
    }

    private func answerChain(_ zone: Zone) -> Chain {
        let isMonitoring = triangular == .monitor || isMonitoring(zone)
        let logged = evidence(.triangular, zone: zone.name, .destination, prefix: zone.ipv6Prefix)
        return Chain(
            "answer_\(zone.name)",
            rules: [RuleBuilder().verdict(.jump("expected")).rule()] + logged + [
                RuleBuilder().counting("triangular").verdict(isMonitoring ? .accept : .drop).rule()
            ])
    }

    // MARK: Shared by all zones

    private var sharedChains: [Chain] {
        let permitting: [(set: String, counter: String, prefix: Int?)] = [
            ("mail_hosts", "mail_ok", nil), ("exempt", "exempt_ok", 64), ("allowed", "allowed_ok", 64),
        ]
        let relays = Family.allCases.map { family in
            RuleBuilder().address(.destination, family, in: "relays\(family.suffix)").counting("relay_ok")
                .verdict(.accept).rule()
        }
        let permitted = permitting.flatMap { list in
            Family.allCases.map { family in
                RuleBuilder().address(
                    .source, family, prefix: list.prefix.flatMap(family.prefix), in: list.set + family.suffix
                )
                .counting(list.counter).verdict(.accept).rule()
            }
        }
        let chains = [Chain("to_relays", rules: relays), Chain("permitted", rules: permitted)]
        return zones.contains(where: guardsAnswers) ? chains + [expectedChain] : chains
    }

    /// Answers to those who may send, and from those whom everyone may reach.
    private var expectedChain: Chain {
        let lists: [(set: String, prefix: Int?)] = [("mail_hosts", nil), ("exempt", 64), ("allowed", 64)]
        let towards = lists.flatMap { list in
            Family.allCases.map { family in
                RuleBuilder().address(
                    .destination, family, prefix: list.prefix.flatMap(family.prefix), in: list.set + family.suffix
                )
                .verdict(.accept).rule()
            }
        }
        let from = Family.allCases.map { family in
            RuleBuilder().address(.source, family, in: "relays\(family.suffix)").verdict(.accept).rule()
        }
        return Chain("expected", rules: towards + from)
    }
}

extension Family {
    /// A prefix length for IPv6 hosts; IPv4 hosts are single addresses.
    func prefix(_ ipv6: Int) -> Int? {
        switch self {
        case .ipv4: nil
        case .ipv6: ipv6
        }
    }
}
