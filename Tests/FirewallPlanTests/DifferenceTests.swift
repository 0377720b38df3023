import FirewallPlan
import Testing

@Suite struct DifferenceTests {
    private let hosts = NamedSet(
        "hosts", .ipv4, flags: .interval, elements: [SetElement([10, 0, 0, 0], through: [10, 0, 0, 255])])

    private func guardian(_ set: NamedSet, verdict: Verdict = .accept) -> Ruleset {
        let rule = Rule([
            .payload(.network, offset: 12, length: 4, into: .r1), .lookup(set: set.name, .r1, isInverted: false),
            .verdict(verdict),
        ])
        return Ruleset(
            counters: ["passed"], sets: [set],
            chains: [Chain("forward", base: BaseChain(.forward, priority: -5), rules: [rule])])
    }

    @Test func theSameRuleSetNeedsNoOperation() {
        #expect(guardian(hosts).operations(from: guardian(hosts)).isEmpty)
    }

    @Test func nothingBecomesEverythingInAnOrderThatTheKernelTakes() {
        let wanted = guardian(hosts)
        #expect(
            wanted.operations(from: nil) == [
                .addTable(.ours), .addCounter("passed"), .addSet(hosts.definition),
                .addElements(hosts.definition, hosts.elements),
                .addChain("forward", BaseChain(.forward, priority: -5)),
                .appendRule(chain: "forward", wanted.chains[0].rules[0]),
            ])
    }

    @Test func anotherElementTouchesNoRule() {
        var more = hosts
        more.elements = [SetElement([10, 0, 0, 0], through: [10, 0, 1, 255])]
        #expect(
            guardian(more).operations(from: guardian(hosts)) == [
                .deleteElements(hosts.definition, hosts.elements), .addElements(more.definition, more.elements),
            ])
    }

    @Test func aLiveSetKeepsWhatItHolds() {
        var live = hosts
        live.contents = .live
        live.elements = []
        #expect(guardian(live).operations(from: guardian(hosts)).isEmpty)
    }

    @Test func aSetOfAnotherDefinitionIsMadeAgainWithTheRulesThatUseIt() {
        var other = hosts
        other.timeout = 1000
        let operations = guardian(other).operations(from: guardian(hosts))
        #expect(operations.first == .flushChain("forward"))
        #expect(operations.contains(.deleteSet("hosts")) && operations.contains(.addSet(other.definition)))
        #expect(operations.last == .appendRule(chain: "forward", guardian(other).chains[0].rules[0]))
    }

    @Test func aBaseChainOfAnotherPriorityIsDeletedAndMadeAgain() {
        var moved = guardian(hosts)
        moved.chains[0].base = BaseChain(.forward, priority: 10)
        #expect(
            moved.operations(from: guardian(hosts)) == [
                .flushChain("forward"), .deleteChain("forward"),
                .addChain("forward", BaseChain(.forward, priority: 10)),
                .appendRule(chain: "forward", moved.chains[0].rules[0]),
            ])
    }

    @Test func anElementIsKnownByItsCommentToo() {
        var timed = hosts
        timed.elements[0].comment = "until 2030-01-01"
        timed.elements[0].timeout = 5000
        var present = timed
        present.elements[0].expiration = 4321
        #expect(guardian(timed).operations(from: guardian(present)).isEmpty)
        #expect(guardian(timed).operations(from: guardian(hosts)).count == 2)
    }

    @Test func theEndOfAnIntervalCarriesAndTheLastOneHasNone() {
        #expect(SetElement([10, 0, 0, 0], through: [10, 0, 255, 255]).endKey == [10, 1, 0, 0])
        #expect(SetElement([240, 0, 0, 0], through: [255, 255, 255, 255]).endKey == nil)
        #expect(SetElement([10, 0, 0, 1]).endKey == nil)
        #expect(SetElement.lastKey(before: [10, 1, 0, 0]) == [10, 0, 255, 255])
        #expect(SetElement.lastKey(before: [0, 0, 0, 0]) == nil)
    }
}
