import Bytes
import Testing
import Throttle

@testable import SharedStore

/// A connection without a socket, on a made-up clock of milliseconds.
private final class Link {
    var machine: LinkMachine
    var output = OutputBuffer(pool: BufferPool())
    var now: UInt64 = 0

    init(_ identity: StoreIdentity = StoreIdentity()) {
        machine = LinkMachine(identity, patience: StorePatience(), now: 0)
    }

    static func opened() -> Link {
        let link = Link()
        link.machine.connected(&link.output, now: 0)
        #expect(link.introduce() == .opened)
        link.output.discard()
        return link
    }

    /// The answers of a plain master.
    func introduce(slots: StoreReply = .error(Array("ERR no cluster".utf8))) -> LinkMachine.Outcome {
        var last = reply(.array([.bulk(Array("master".utf8))]))
        #expect(last == .nothing)
        last = reply(slots)
        for script in StoreScript.allCases { last = reply(.bulk([UInt8(script.rawValue)])) }
        return last
    }

    func reply(_ reply: StoreReply) -> LinkMachine.Outcome { machine.received(reply, now: now) }

    func error(_ text: String) -> LinkMachine.Outcome { reply(.error(Array(text.utf8))) }

    func wait(_ milliseconds: UInt64) -> LinkMachine.Outcome {
        now += milliseconds * 1_000_000
        return machine.timePassed(&output, now: now)
    }

    func send(_ errand: UInt64, isAsking: Bool = false) {
        machine.sends(errand, isAsking: isAsking, &output, now: now)
    }

    func written() -> String {
        defer { output.discard() }
        return Self.text(output)
    }

    private static func text(_ output: borrowing OutputBuffer) -> String {
        output.pending.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}

@Suite struct LinkMachineTests {
    @Test func `the introduction is one write, and it is open when the last script is known`() {
        let link = Link(StoreIdentity(user: "reeve", password: StorePassword(Array("pw".utf8)), database: 2))
        link.machine.connected(&link.output, now: 0)
        let text = link.written()
        #expect(
            text.hasPrefix(
                "*3\r\n$4\r\nAUTH\r\n$5\r\nreeve\r\n$2\r\npw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n*1\r\n$4\r\nROLE"))
        #expect(link.machine.refusal == .disconnected)
        #expect(link.reply(.status([])) == .nothing)
        #expect(link.reply(.status([])) == .nothing)
        #expect(link.introduce() == .opened)
        #expect(link.machine.refusal == nil)
        #expect(link.machine.names[.refund] == [UInt8(StoreScript.refund.rawValue)])
        #expect(link.machine.slots == nil)
    }

    @Test(arguments: ["WRONGPASS invalid", "NOAUTH Authentication required.", "ERR max number of clients reached"])
    func `a server that does not let us in has the last word`(words: String) {
        let link = Link(StoreIdentity(password: StorePassword([1])))
        link.machine.connected(&link.output, now: 0)
        #expect(link.error(words) == .failed(.refused, words))
        #expect(link.machine.deadline == nil)
    }

    @Test func `a server that is loading is tried again later`() {
        let link = Link()
        link.machine.connected(&link.output, now: 0)
        let words = "LOADING Redis is loading the dataset in memory"
        #expect(link.error(words) == .nothing)
        #expect(link.error(words) == .failed(.refused, words))
    }

    @Test func `a server that may not be asked for its role or its slots is a single one`() {
        let link = Link()
        link.machine.connected(&link.output, now: 0)
        #expect(link.error("NOPERM no ROLE") == .nothing)
        #expect(link.error("NOPERM no CLUSTER") == .nothing)
        for script in StoreScript.allCases.dropLast() {
            #expect(link.reply(.bulk([UInt8(script.rawValue)])) == .nothing)
        }
        #expect(link.reply(.bulk([9])) == .opened)
        #expect(!link.machine.isReplica && link.machine.slots == nil)
    }

    @Test func `a server without scripts is no store`() {
        let link = Link()
        link.machine.connected(&link.output, now: 0)
        #expect(link.error("NOPERM") == .nothing)
        #expect(link.error("ERR") == .nothing)
        #expect(link.error("NOPERM no SCRIPT") == .failed(.refused, "NOPERM no SCRIPT"))
    }

    @Test func `answers belong to questions in their order`() {
        let link = Link.opened()
        link.send(1)
        link.send(2, isAsking: true)
        #expect(link.written() == "*1\r\n$6\r\nASKING\r\n")
        #expect(link.machine.errands == [1, 2])
        #expect(link.reply(.integer(7)) == .answered(1, .integer(7)))
        #expect(link.reply(.status([])) == .nothing)
        #expect(link.reply(.integer(8)) == .answered(2, .integer(8)))
        guard case .failed = link.reply(.integer(9)) else {
            Issue.record("an answer to nothing was taken")
            return
        }
    }

    @Test func `so many questions are open and no more`() {
        let link = Link.opened()
        for errand in 1...UInt64(LinkMachine.mostOpen) {
            #expect(link.machine.refusal == nil)
            link.send(errand)
        }
        #expect(link.machine.refusal == .overloaded)
        #expect(!link.machine.takesRefunds)
        #expect(link.reply(.null) == .answered(1, .null))
        #expect(link.machine.refusal == nil)
    }

    @Test func `the oldest question decides that the server is late, and all are given up together`() {
        let link = Link.opened()
        link.send(1)
        #expect(link.wait(15) == .nothing)
        link.send(2)
        #expect(link.wait(5) == .late([1, 2]))
        #expect(link.machine.refusal == .late)
        #expect(link.machine.errands.isEmpty && link.machine.abandoned == [1, 2])
        #expect(link.reply(.integer(1)) == .answeredLate(1, .integer(1)))
        #expect(link.machine.takesRefunds)
        #expect(link.reply(.integer(1)) == .answeredLate(2, .integer(1)))
        #expect(link.wait(49) == .nothing)
        #expect(link.written().isEmpty)
        #expect(link.wait(1) == .nothing)
        #expect(link.written() == "*1\r\n$4\r\nPING\r\n")
        link.now += 20_000_000
        #expect(link.reply(.status([])) == .recovered)
        #expect(link.machine.refusal == nil && link.machine.deadline == nil)
    }

    @Test func `a server that stays slow is probed at growing intervals, and one that stays silent is left`() {
        let link = Link.opened()
        link.send(1)
        #expect(link.wait(20) == .late([1]))
        #expect(link.reply(.null) == .answeredLate(1, .null))
        for pause in [50, 100, 200, 400, 800, 1000, 1000] as [UInt64] {
            #expect(link.wait(pause - 1) == .nothing)
            #expect(link.written().isEmpty)
            #expect(link.wait(1) == .nothing)
            #expect(!link.written().isEmpty)
            link.now += 21_000_000
            #expect(link.reply(.status([])) == .nothing)
            #expect(link.machine.refusal == .late)
        }
        #expect(link.wait(1000) == .nothing)
        #expect(link.wait(1999) == .nothing)
        #expect(link.wait(1) == .failed(.late, "no answer"))
    }

    @Test func `a connection that ends while it is late tells of no question twice`() {
        let link = Link.opened()
        link.send(1)
        #expect(link.wait(20) == .late([1]))
        #expect(link.wait(2000) == .failed(.late, "no answer"))
        #expect(link.machine.errands.isEmpty && link.machine.abandoned == [1])
    }

    @Test func `neither a connection nor an introduction is waited for without end`() {
        let link = Link()
        #expect(link.wait(2999) == .nothing)
        #expect(link.wait(1) == .failed(.disconnected, "no connection in time"))
        let silent = Link()
        silent.machine.connected(&silent.output, now: 0)
        #expect(silent.wait(3000) == .failed(.late, "no answer to the introduction in time"))
    }

    @Test func `scripts are loaded once, however many questions miss them`() {
        let link = Link.opened()
        link.machine.loadScripts(&link.output, now: 0)
        #expect(!link.written().isEmpty)
        link.machine.loadScripts(&link.output, now: 0)
        #expect(link.written().isEmpty)
        for script in StoreScript.allCases { #expect(link.reply(.bulk([UInt8(script.rawValue) + 100])) == .nothing) }
        #expect(link.machine.names[.charge] == [100])
        link.machine.loadScripts(&link.output, now: 0)
        #expect(!link.written().isEmpty)
    }

    @Test func `a password cannot be printed`() {
        let settings = StoreBench.settings(user: "reeve", password: "hunter2")
        var dumped = ""
        dump(settings, to: &dumped)
        for text in ["\(settings)", String(reflecting: settings), dumped] {
            #expect(!text.contains("hunter2") && !text.contains("104"))
        }
    }
}
