import Bytes
import FirewallPlan
import Glibc
import Testing

@testable import FirewallHelper

@Suite("The helper's files")
struct StateDirectoryTests {
    private let state = StateDirectory(path: "/tmp/portreeve-state-\(getpid())-\(UInt32.random(in: 0 ... .max))/deep")

    private func remove() {
        let parent = state.path.split(separator: "/").dropLast().joined(separator: "/")
        for file in ["confirmed.plan", "confirmed.plan.damaged", "confirmed.plan.new"] {
            unlink("\(state.path)/\(file)")
        }
        rmdir(state.path)
        rmdir("/" + parent)
    }

    @Test func `What was written is read, and a later value takes its place`() throws {
        defer { remove() }
        #expect(state.read(.plan, as: Deployment.self) == nil)
        for name in ["first", "second"] {
            let deployment = Deployment(policy: name, ruleset: Samples.ruleset())
            try state.write(.plan, deployment)
            #expect(state.read(.plan) == deployment)
        }
        #expect(access("\(state.path)/confirmed.plan.new", F_OK) != 0)
        state.remove(.plan)
        #expect(state.read(.plan, as: Deployment.self) == nil)
    }

    @Test func `A damaged file is put aside and counts as missing`() throws {
        defer { remove() }
        try state.write(.plan, Deployment(policy: "lab", ruleset: Samples.ruleset()))
        let path = "\(state.path)/confirmed.plan"
        truncate(path, 20)
        #expect(state.read(.plan, as: Deployment.self) == nil)
        #expect(access(path, F_OK) != 0)
        #expect(access(path + ".damaged", F_OK) == 0)
    }

    @Test func `Nobody but the owner may read them`() throws {
        defer { remove() }
        try state.write(.plan, Deployment(policy: "lab", ruleset: Ruleset()))
        var status = stat()
        #expect(stat(state.path, &status) == 0 && status.st_mode & 0o077 == 0)
        #expect(stat("\(state.path)/confirmed.plan", &status) == 0 && status.st_mode & 0o077 == 0)
    }
}

@Suite("Hosts as keys")
struct HostKeyTests {
    @Test(arguments: ["10.0.0.1", "2001:db8:1:2::/64"])
    func `A host becomes a key and comes back`(_ text: String) throws {
        let host = try #require(AddressPrefix(text)?.asHost)
        #expect(AddressPrefix(key: host.key) == host)
    }

    @Test func `An IPv6 address means its net, and a wider net is no host`() throws {
        #expect(try #require(AddressPrefix("2001:db8::9")?.asHost).description == "2001:db8::/64")
        for wide in ["10.0.0.0/31", "2001:db8::/63", "0.0.0.0/0"] {
            #expect(try #require(AddressPrefix(wide)).asHost == nil)
        }
        #expect(AddressPrefix(key: [1, 2, 3]) == nil)
    }
}

@Suite("Notes beside kernel objects")
struct UserDataTests {
    @Test func `A comment is found among other notes, and one that is too long is cut`() {
        var notes = UserData()
        notes.add(0, UInt32(2))
        notes.add(7, comment: String(repeating: "x", count: 300))
        notes.octets.withUnsafeBytes { octets in
            #expect(UserData.comment(7, in: octets) == String(repeating: "x", count: Rule.longestComment))
            #expect(UserData.comment(3, in: octets) == "")
        }
    }

    @Test func `Notes that lie about their length are none`() {
        for damaged in [[7], [7, 200, 65], [0, 4, 1], [7, 0]] as [[UInt8]] {
            damaged.withUnsafeBytes { #expect(UserData.comment(7, in: $0) == "") }
        }
    }
}
