import Bytes
import Configuration
import Foundation
import Reactor
import SMTPWire
import TLSTransport
import Testing

@testable import Operations

@Suite("The demonstration")
struct DemoTests {
    @Test("Its configuration loads, with the four ports moved by the base")
    func plan() throws {
        let folder = try TemporaryFolder()
        let place = try DemoPlace(folder.path)
        let sink = Endpoint(address: IPAddress(v4: 0x7F00_0001), port: 4000)
        let plan = try place.plan(base: 3000, sink: sink)
        let ports = plan.listeners.flatMap(\.endpoints).map(\.endpoint.port)
        #expect(ports.sorted() == [3025, 3465, 3525, 3587])
        #expect(plan.backends.flatMap(\.servers).map(\.description) == ["127.0.0.1:4000", "127.0.0.1:4000"])
        #expect(plan.admin.socket.path == place.socket)
    }

    @Test("Taken ports are named, with the way out")
    func takenPort() throws {
        let listener = try Listener(on: Endpoint(address: IPAddress(v4: 0x7F00_0001), port: 0))
        let place = listener.localEndpoint
        let port = try #require(place?.port)
        var options = DemoOptions()
        options.portBase = port - DemoPort.inbound.rawValue
        do throws(DemoFailure) {
            try Demo(options).requireFreePorts()
            Issue.record("the port was free")
        } catch {
            #expect(error.description.contains("127.0.0.1:\(port): Address already in use (EADDRINUSE)"))
            #expect(error.description.contains("--port-base"))
        }
    }

    @Test("A session ends at its first refusal and tells the last reply")
    func session() throws {
        let sink = try TestSink()
        defer { sink.stop() }
        let base = sink.sink.endpoint.port - DemoPort.inbound.rawValue
        let relay = try #require(DemoSession.all.first { $0.title == "a stranger relays" })
        let result = relay.play(base: base)
        #expect(result.reply == Reply(554, "5.7.1 <victim@elsewhere.example>: Relay access denied"))
        #expect(result.isAsExpected)
        let ours = try #require(DemoSession.all.first { $0.title == "a message smuggled in another" })
        #expect(ours.play(base: base).reply?.code == 550)
        #expect(sink.messages.isEmpty)
    }

    @Test("A server that is not there is a result too")
    func nobody() throws {
        let session = try #require(DemoSession.all.first)
        let result = session.play(base: 0)
        #expect(result.failure != nil)
        #expect(!result.isAsExpected)
    }

    @Test("The rule that refused is found in the decision log by the client's port")
    func decisions() {
        let lookup = DecisionLookup(
            log: """
                {"event.action":"refused","source.port":1,"rule.name":"inbound/no-relay","smtp.reply.code":554}
                {"event.action":"login","source.port":2,"smtp.reply.code":535}
                {"event.action":"protocol-violation","source.port":3}
                {"event.action":"login","source.port":4,"smtp.reply.code":235}
                {"event.action":"message","source.port":4,"smtp.reply.code":250}
                not json
                {"event.action":"session-end","source.port":4}
                """)
        #expect(lookup.decider(of: 1, code: 554) == "inbound/no-relay")
        #expect(lookup.decider(of: 2, code: 535) == "the mail server")
        #expect(lookup.decider(of: 3, code: 550) == "protocol")
        #expect(lookup.decider(of: 4, code: 250) == "the mail server")
        #expect(lookup.decider(of: 5, code: 500) == "protocol")
        #expect(lookup.hasEnd(of: 4))
        #expect(!lookup.hasEnd(of: 1))
    }

    @Test("The table shows the real reply, and what was expected instead")
    func table() throws {
        let folder = try TemporaryFolder()
        let place = try DemoPlace(folder.path)
        let session = try #require(DemoSession.all.first)
        let good = DemoResult(session: session, reply: Reply(530, "5.7.0 no\u{1B}[2J"), clientPort: 1)
        let bad = DemoResult(session: session, reply: Reply(250, "2.1.0 Ok"), clientPort: 2)
        let log = DecisionLookup(
            log: #"{"event.action":"refused","source.port":1,"rule.name":"submission/tls-required"}"#)
        let plain = DemoText(base: 2000, place: place, hasColours: false).table([good, bad], log)
        #expect(
            plain == """
                PORT   THE CLIENT            DECIDED BY               THE REPLY
                2587   MAIL before STARTTLS  submission/tls-required  530 5.7.0 no?[2J
                2587   MAIL before STARTTLS  protocol                 250 2.1.0 Ok  <- expected 530

                1 of 2 sessions did not go as they should.


                """)
        let coloured = DemoText(base: 2000, place: place, hasColours: true).table([good], log)
        #expect(coloured.contains("\u{1B}[31m530 5.7.0 no?[2J\u{1B}[0m\n"))
    }
}
