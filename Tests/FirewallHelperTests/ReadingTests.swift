import Bytes
import FirewallPlan
import Glibc
import Reactor
import Testing

@testable import FirewallHelper

/// An applied policy through days and restarts, on a clock that the test moves.
@Suite("The applied policy, read again", .enabled(if: Namespace.isAvailable, "needs root: no network namespace here"))
struct ReadingTests {
    private static let day: UInt64 = 86_400_000

    /// A helper's files, in a directory of the test.
    private final class Place {
        let path = "/tmp/portreeve-reading-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        /// Milliseconds since 1970.
        var now: UInt64 = 1_800_000_000_000
        var mailHosts = ["192.0.2.1", "192.0.2.9"]
        var exemptUntil: UInt64?
        var mode = EgressPolicy.Zone.Mode.block
        var isBroken = false
        var said: [String] = []

        init() { mkdir(path, 0o700) }

        deinit {
            for name in ["confirmed.plan", "allowed.hosts", "denied.hosts", "socket", "unconfirmed"] {
                unlink("\(path)/\(name)")
            }
            rmdir(path)
        }

        func deployment() throws -> Deployment {
            var policy = EgressPolicy(name: "lab")
            policy.zones = [.init(name: "lan", interfaces: [try #require(InterfacePattern("lan0"))], mode: mode)]
            policy.mailHosts = mailHosts.compactMap(AddressPrefix.init)
            if let exemptUntil, let host = AddressPrefix("10.0.0.7") {
                policy.exemptions = [.init(host: host, until: exemptUntil, day: "a day", reason: "")]
            }
            var deployment = policy.deployment(at: Site(now: now / 1000))
            deployment.origin = PolicyOrigin(.policy, path: path, files: [path + "/policy.yaml"])
            return deployment
        }

        func keeper() throws -> FirewallKeeper {
            try FirewallKeeper(stateDirectory: path, clock: { [unowned self] in now })
        }

        func server(_ keeper: FirewallKeeper, on loop: EventLoop) throws -> HelperServer {
            try HelperServer(
                keeper: keeper, path: path + "/socket", gatewayUser: nil, on: loop,
                say: { [unowned self] in said.append($0) },
                readPolicy: { [unowned self] _ throws(PolicyReadingFault) in
                    guard !isBroken, let read = try? deployment() else { throw .init(findings: "policy.yaml:1: wrong") }
                    return read
                })
        }
    }

    private static func held(_ keeper: FirewallKeeper, _ set: String) throws -> [SetElement] {
        try keeper.link.readElements(of: try #require(keeper.applied?.ruleset.set(set)))
    }

    @Test func `A day that begins is a reason to read the lists`() throws {
        try Namespace.run {
            let place = Place()
            let keeper = try place.keeper()
            let server = try place.server(keeper, on: try EventLoop())
            _ = keeper.answer(.apply(try place.deployment(), confirmWithin: nil))
            try server.start()
            // What `until` does to a list when its day is over.
            place.mailHosts.removeLast()
            place.now += 1000
            server.followDays()
            #expect(try Self.held(keeper, "mail_hosts4").count == 2)
            place.now += Self.day
            server.followDays()
            #expect(try Self.held(keeper, "mail_hosts4").map(\.key) == [[192, 0, 2, 1]])
            #expect(place.said.last?.contains("read again") == true)
        }
    }

    @Test func `Without a word only lists are taken, and a word takes rules too`() throws {
        try Namespace.run {
            let place = Place()
            let keeper = try place.keeper()
            let server = try place.server(keeper, on: try EventLoop())
            _ = keeper.answer(.apply(try place.deployment(), confirmWithin: nil))
            place.mode = .monitor
            server.read(isAsked: false)
            #expect(place.said.last?.contains("changed in more than its lists") == true)
            #expect(keeper.applied?.ruleset.chain("refuse_lan") != nil)
            server.reload()
            #expect(keeper.applied?.ruleset.chain("observe_lan") != nil)
            place.isBroken = true
            server.reload()
            #expect(place.said.suffix(2).first == "policy.yaml:1: wrong")
            #expect(place.said.last?.contains("What is applied stays") == true)
            guard case .status(let status) = keeper.answer(.status) else { return #expect(Bool(false)) }
            #expect(status.lastReading?.isTaken == false)
        }
    }

    @Test func `An exemption does not begin anew with a restart, and one that ended is not put back`() throws {
        try Namespace.run {
            let place = Place()
            place.exemptUntil = place.now / 1000 + 3600
            _ = try place.keeper().answer(.apply(try place.deployment(), confirmWithin: nil))
            for (passed, left) in [(UInt64(1800), [UInt64(1800)]), (3600, [])] {
                place.now = 1_800_000_000_000 + passed * 1000
                _ = try? nft("delete table inet portreeve")
                let next = try place.keeper()
                _ = try next.link.remove()
                _ = try next.applyConfirmed()
                #expect(try Self.held(next, "exempt4").map { ($0.timeout ?? 0) / 1000 } == left)
            }
        }
    }

    @Test func `A repair does not put back what has ended since`() throws {
        try Namespace.run {
            let place = Place()
            place.exemptUntil = place.now / 1000 + 60
            let keeper = try place.keeper()
            _ = keeper.answer(.apply(try place.deployment(), confirmWithin: nil))
            // The kernel has let it go; its own clock is not the test's.
            let set = try #require(keeper.applied?.ruleset.set("exempt4"))
            #expect(try keeper.link.delete(SetElement([10, 0, 0, 7]), from: set.definition))
            place.now += 61_000
            #expect(try keeper.repair(after: nil) == [])
        }
    }
}
