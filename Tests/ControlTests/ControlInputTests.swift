import Control
import Testing

@Suite("Requests")
struct ControlInputTests {
    @Test("Each request is one word and LF, and reads itself back", arguments: ControlRequest.allCases)
    func roundTrip(request: ControlRequest) {
        #expect(ControlInput(request.line) == .request(request))
    }

    @Test("A request is awaited up to its LF")
    func incomplete() {
        let line = Array("status\n".utf8)
        for end in 0..<line.count { #expect(ControlInput(Array(line[..<end])) == .incomplete) }
        #expect(ControlInput([UInt8](repeating: 0x61, count: 63)) == .incomplete)
    }

    @Test("No request is longer than 64 octets, with or without its LF")
    func tooLong() {
        let long = [UInt8](repeating: 0x61, count: 64)
        #expect(ControlInput(long) == .refused(.tooLong))
        #expect(ControlInput(long + [0x0A]) == .refused(.tooLong))
        #expect(ControlInput(Array(long.dropLast()) + [0x0A]) == .refused(.unknown))
    }

    @Test(
        "Only the exact words are requests",
        arguments: ["", "Status", " status", "status ", "status\r", "statu", "\u{0}"])
    func unknown(word: String) {
        #expect(ControlInput(Array("\(word)\n".utf8)) == .refused(.unknown))
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
        #expect(ControlRequestError.unknown.description == "unknown request; known: status, reload")
        #expect(ControlRequestError.tooLong.description == "the request is longer than 64 octets")
        #expect(ControlRequestError.trailingBytes.description == "something follows the request")
    }
}
