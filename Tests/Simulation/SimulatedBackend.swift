// Backends: proper, refusing, lying, dying.

/// What a server is like; the same for all its connections.
struct Temper {
    var offersPipelining = true
    var offersChunking = true
    var offersLogin = true
    /// Of a hundred answers, so many are 4xx or 5xx.
    var refusals = 0
    /// … are not what was asked for: other codes, no replies at all, two of them.
    var lies = 0
    /// … are no answer but the end of the connection.
    var deaths = 0
    var isUnreachable = false
    /// So many answers never come.
    var silences = 0

    init(_ numbers: inout Numbers, mayRefuse: Bool) {
        offersPipelining = !numbers.once(in: 3)
        offersChunking = !numbers.once(in: 2)
        switch numbers.below(6) {
        case 0: lies = 5
        case 1: deaths = 5
        case 2: (lies, deaths, silences) = (2, 2, 1)
        case 3 where mayRefuse: refusals = 20
        case 4: isUnreachable = numbers.once(in: 2)
        case _: break
        }
        if mayRefuse { offersLogin = !numbers.once(in: 6) }
    }
}

/// One connection of a server.
final class SimulatedBackend {
    let wire: BackendWire
    private let temper: Temper
    /// What it has written and the network has not carried yet.
    var output = ByteQueue()
    private(set) var isDead = false
    var isGreeted = false

    init(_ oracle: Oracle, _ temper: Temper, expectsProxyHeader: Bool) {
        wire = BackendWire(oracle, expectsProxyHeader: expectsProxyHeader)
        self.temper = temper
    }

    /// It greets, unless it has a bad day.
    func greet(_ numbers: inout Numbers) {
        isGreeted = true
        if strikes(temper.deaths, &numbers) {
            isDead = true
        } else if strikes(temper.lies, &numbers) {
            write(numbers.pick(["554 no", "421 later", "hello", "250 be", "220 be\r\n220 be"], else: ""))
        } else {
            write("220 be ESMTP")
        }
    }

    func hears(_ bytes: [UInt8], _ numbers: inout Numbers) {
        for heard in wire.heard(bytes) where !isDead { answer(heard, &numbers) }
    }

    private func strikes(_ percent: Int, _ numbers: inout Numbers) -> Bool {
        percent > 0 && numbers.below(100) < percent
    }

    private func answer(_ heard: BackendWire.Heard, _ numbers: inout Numbers) {
        let serial = "n\(numbers.next())"
        if strikes(temper.deaths, &numbers) {
            isDead = true
        } else if strikes(temper.silences, &numbers) {
            return
        } else if strikes(temper.lies, &numbers) {
            lie(heard, serial, &numbers)
        } else if strikes(temper.refusals, &numbers), heard != .quit {
            say(numbers.once(in: 2) ? 550 : 450, serial)
        } else {
            serve(heard, serial, &numbers)
        }
        if heard == .quit { isDead = true }
    }

    private func serve(_ heard: BackendWire.Heard, _ serial: String, _ numbers: inout Numbers) {
        switch heard {
        case .hello: hello(serial)
        case .xclient, .starttls: say(220, serial)
        case .mail, .rcpt, .rset, .end, .chunk: say(250, serial)
        case .data: say(354, serial)
        case .quit: say(221, serial)
        case .auth(let line):
            let isWhole = line.hasPrefix("AUTH PLAIN ")
            isWhole ? say(235, serial) : say(334, "UGFzc3dvcmQ6")
        case .response(let line):
            line == "*" ? say(501, serial) : line == "Y2Fyb2w=" ? say(334, "UGFzc3dvcmQ6") : say(235, serial)
        }
    }

    private func hello(_ serial: String) {
        var lines = ["be", "XCLIENT NAME ADDR PORT PROTO HELO", "STARTTLS", "8BITMIME", "DSN", "SIZE 100000000"]
        if temper.offersPipelining { lines.append("PIPELINING") }
        if temper.offersChunking { lines.append("CHUNKING") }
        if temper.offersLogin { lines.append("AUTH PLAIN LOGIN CRAM-MD5") }
        wire.said(250, serial, pipelining: temper.offersPipelining)
        for line in lines { write("250-\(line)") }
        write("250 \(serial)")
    }

    private func lie(_ heard: BackendWire.Heard, _ serial: String, _ numbers: inout Numbers) {
        switch numbers.below(6) {
        case 0: say(heard == .data ? 250 : 354, serial)
        case 1: say(421, serial)
        case 2: write(numbers.pick(["garbage", "25 0 x", "999 x", "250-a\r\n251 b", "250 x\n", "\r\n"], else: ""))
        case 3:
            serve(heard, serial, &numbers)
            say(250, serial + "again")
        case 4: isDead = true
        case _:
            serve(heard, serial, &numbers)
            say(numbers.once(in: 2) ? 450 : 421, serial + "more")
        }
    }

    private func say(_ code: Int, _ text: String) {
        wire.said(code, text)
        write("\(code) \(text)")
    }

    private func write(_ line: String) {
        output.append(octets(line + "\r\n"))
    }
}
