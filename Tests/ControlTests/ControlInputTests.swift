import Control
import Testing

@Suite("Requests")
struct ControlInputTests {
    @Test(
        "Each request is one line and reads itself back",
        arguments: [
            .status, .reload, .listBans, .listLimits, .removeBan(subject: "alice@example.org"),
            .addBan(subject: "2001:db8::/64", seconds: 60, reason: "100 % spam,\nsaid Zoë"),
            .addBan(subject: "192.0.2.1", seconds: 0, reason: ""), .getLimit(key: "a b"), .resetLimit(key: "%"),
        ] as [ControlRequest])
    func roundTrip(request: ControlRequest) {
        #expect(ControlInput(request.line) == .request(request))
    }

    @Test("A request is awaited up to its LF")
    func incomplete() {
        let line = Array("status\n".utf8)
        for end in 0..<line.count { #expect(ControlInput(Array(line[..<end])) == .incomplete) }
        #expect(ControlInput([UInt8](repeating: 0x61, count: 4095)) == .incomplete)
    }

    @Test("No request is longer than 4096 octets, with or without its LF")
    func tooLong() {
        let long = [UInt8](repeating: 0x61, count: 4096)
        #expect(ControlInput(long) == .refused(.tooLong))
        #expect(ControlInput(long + [0x0A]) == .refused(.tooLong))
        #expect(ControlInput(Array(long.dropLast()) + [0x0A]) == .refused(.unknown))
    }

    @Test(
        "Only the exact words are requests, with as many arguments as they need",
        arguments: [
            "", "Status", " status", "status ", "status\r", "statu", "\u{0}", "bans-remove", "bans-add x 1",
            "bans-add x y z", "bans-add x -1 z", "limits-get a b", "limits-get a%2", "limits-get a%zz",
            "limits-get a%61",
            "limits-get ", "limits-get %FF", "status%",
        ])
    func unknown(line: String) {
        #expect(ControlInput(Array("\(line)\n".utf8)) == .refused(.unknown))
    }

    @Test("Octets that are no UTF-8 are an unknown request")
    func invalid() {
        #expect(ControlInput([0xFF, 0xC3, 0x0A]) == .refused(.unknown))
    }

    @Test("Nothing may follow a request")
    func trailing() {
        #expect(ControlInput(Array("status\nreload\n".utf8)) == .refused(.trailingBytes))
    }

    @Test("An error says what would have been right")
    func errors() {
        let known = "status, reload, bans, bans-add, bans-remove, limits, limits-get, limits-reset"
        #expect(ControlRequestError.unknown.description == "unknown request; known: \(known)")
        #expect(ControlRequestError.tooLong.description == "the request is longer than 4096 octets")
        #expect(ControlRequestError.trailingBytes.description == "something follows the request")
    }
}
