import Configuration
import Testing

@Suite("Comparing plans")
struct ReloadTests {
    private func plan(_ text: String) throws -> RunPlan {
        try #require(Support.parse(text).plan)
    }

    @Test("Plans that say the same elsewhere in the file are equal")
    func moved() throws {
        let here = try plan(Support.complete("bans: { never: [192.0.2.1] }\n"))
        let there = try plan("bans: { never: [192.0.2.1] }\n\n# moved\n" + Support.complete())
        #expect(here == there)
        #expect(here.hashValue == there.hashValue)
        #expect(here.hash != there.hash)
        #expect(here.listeners.first?.range != there.listeners.first?.range)
    }

    @Test(
        "Plans that say something else differ",
        arguments: [
            ("port: 25", "port: 26, policies: [inbound]"), ("fullchain.pem", "chain.pem"), ("10025", "10026"),
            ("proxy-v2", "xclient"), ("mail.example.org\nlisteners", "mx.example.org\nlisteners"),
        ])
    func changed(from: String, to: String) throws {
        let text = Support.complete()
        let other = text.replacing(from, with: to)
        #expect(text != other)
        #expect(try plan(text) != plan(other))
    }

    @Test("Only what the process cannot change needs a restart")
    func restart() throws {
        let old = try plan(Support.complete())
        let harmless = try plan(Support.complete("protocol: { max_line: 4096 }\nlog: { format: json }\n"))
        #expect(harmless.keysNeedingRestart(since: old, mayBindPrivileged: false) == [])
        let grave = try plan(Support.complete("workers: 3\nuser: mail\nadmin: { socket: /run/x }\n"))
        #expect(grave.keysNeedingRestart(since: old, mayBindPrivileged: false) == ["admin", "user", "workers"])
    }

    @Test("A new port below 1024 needs a restart once the right to bind it is gone")
    func privileged() throws {
        let old = try plan(Support.complete())
        let high = try plan(Support.complete().replacing("port: 25,", with: "port: 2525,"))
        let low = try plan(Support.complete().replacing("port: 25,", with: "port: 587,"))
        #expect(high.keysNeedingRestart(since: old, mayBindPrivileged: false) == [])
        #expect(low.keysNeedingRestart(since: old, mayBindPrivileged: true) == [])
        #expect(low.keysNeedingRestart(since: old, mayBindPrivileged: false) == ["listeners.mx"])
        #expect(old.keysNeedingRestart(since: old, mayBindPrivileged: false) == [])
    }
}
