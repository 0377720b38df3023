import Bytes
import FirewallPlan
import Foundation
import Testing

/// The texts of a policy with every mode against files that stay: `every-mode.nft` loads with `nft -f`, and
/// `every-mode.bytecode` is what `nft --debug=netlink` printed when it did.
@Suite struct TextTests {
    private func golden(_ name: String) throws -> String {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
        return try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    private let plan = Samples.policy.ruleset(at: Samples.site)

    @Test func theTextIsTheOneThatNftLoads() throws {
        #expect(NftText.file(plan) == (try golden("every-mode.nft")))
    }

    @Test func nftCompilesTheTextToTheSameBytecode() throws {
        let rules = plan.chains.flatMap { chain in chain.rules.map { Bytecode.text($0, chain: chain.name) } }
        #expect(rules.joined(separator: "\n\n") + "\n" == (try golden("every-mode.bytecode")))
    }

    @Test func aTextCannotEndItsQuotes() {
        let set = NamedSet("s", .ipv4, elements: [SetElement([10, 0, 0, 1], comment: "a\" } drop\n")])
        let text = NftText.table(Ruleset(sets: [set]))
        #expect(text.contains("10.0.0.1 comment \"a' } drop'\""))
    }

    @Test func intervalsAreBlocksWhereTheyCanBe() {
        let set = NamedSet(
            "s", .ipv4, flags: .interval,
            elements: [
                SetElement([10, 0, 0, 0], through: [10, 0, 255, 255]),
                SetElement([10, 2, 0, 1], through: [10, 2, 0, 3]),
                SetElement([10, 3, 0, 1], through: [10, 3, 0, 1]),
            ])
        #expect(
            NftText.table(Ruleset(sets: [set])).contains(
                "10.0.0.0/16,\n\t\t\t     10.2.0.1-10.2.0.3,\n\t\t\t     10.3.0.1 }"))
    }

    @Test func heldRulesOfOthersAreShownTooWhenTheyLookForeign() {
        let rule = Rule([
            .payload(.link, offset: 6, length: 6, into: .r1), .compare(.r1, .notEqual, [1, 2, 3, 4, 5, 6]),
            .verdict(.drop),
        ])
        let text = NftText.table(Ruleset(chains: [Chain("c", rules: [rule])]))
        #expect(text.contains("@ll,48,48 != "))
    }
}
