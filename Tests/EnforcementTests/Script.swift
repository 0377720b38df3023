// The language of the scripts:
//
//   C: line     the client sends it (lines that stand together go in one segment)
//   S: line     the client is told exactly this next
//   B: line     the backend is told exactly this next
//   R: line     the backend sends it (lines that stand together go in one segment)
//   ! event     something else happens, see `happen`
//
// Before each stimulus, and at the end, nothing may have been said that the script does not expect.

import Bytes
import Enforcement
import Policy
import Testing
import Throttle

extension Rehearsed {
    @discardableResult
    func play(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) -> Self {
        let lines = script.split(separator: "\n").map { String($0.drop { $0 == " " }) }.filter { !$0.isEmpty }
        var index = 0
        while index < lines.count {
            let mark = lines[index].prefix(2)
            var together = [text(lines[index])]
            while mark == "C:" || mark == "R:", index + 1 < lines.count, lines[index + 1].hasPrefix(mark) {
                index += 1
                together.append(text(lines[index]))
            }
            perform(String(mark), together, at: "line \(index + 1)", sourceLocation)
            index += 1
        }
        expectSilence("at the end", sourceLocation)
        return self
    }

    private func text(_ line: String) -> String {
        let text = line.dropFirst(2)
        return String(text.first == " " ? text.dropFirst() : text)
    }

    private func perform(_ mark: String, _ lines: [String], at place: String, _ location: SourceLocation) {
        switch mark {
        case "C:":
            expectSilence(place, location)
            clientSends(octets(lines.map { $0 + "\r\n" }.joined()))
        case "R:":
            expectSilence(place, location)
            backendSends(octets(lines.map { $0 + "\r\n" }.joined()))
        case "S:": expect(lines[0], in: &clientWire, "the client", place, location)
        case "B:": expect(lines[0], in: &backendWire, "the backend", place, location)
        case _:
            expectSilence(place, location)
            happen(lines[0], location)
        }
    }

    private func expect(
        _ line: String, in wire: inout [UInt8], _ peer: String, _ place: String, _ location: SourceLocation
    ) {
        let wanted = octets(line + "\r\n")
        if wire.starts(with: wanted) {
            wire.removeFirst(wanted.count)
        } else {
            let told = String(decoding: wire, as: UTF8.self)
            Issue.record("\(place): \(peer) was told \(told.debugDescription), not \(line)", sourceLocation: location)
            let end = wire.firstIndex(of: 0x0A).map { $0 + 1 } ?? wire.count
            wire.removeFirst(end)
        }
    }

    private func expectSilence(_ place: String, _ location: SourceLocation) {
        for (peer, wire) in [("client", clientWire), ("backend", backendWire)] where !wire.isEmpty {
            let told = String(decoding: wire, as: UTF8.self).debugDescription
            Issue.record("before \(place): the \(peer) was told \(told)", sourceLocation: location)
        }
        clientWire = []
        backendWire = []
    }

    private func happen(_ text: String, _ location: SourceLocation) {
        let words = text.split(separator: " ").map(String.init)
        switch words.first {
        case "client-ends": event { $0.clientBroke(now: $1) }
        case "client-sends-no-more": event { $0.clientEnded(now: $1) }
        case "client-tls":
            #expect(asksClientTLS, sourceLocation: location)
            asksClientTLS = false
            event { $0.clientSecured(TLSFacts(version: .tls13, cipher: "TLS_AES_128_GCM_SHA256"), now: $1) }
        case "backend-tls":
            #expect(asksBackendTLS, sourceLocation: location)
            asksBackendTLS = false
            event { $0.backendSecured(now: $1) }
        case "backend-ends": event { $0.backendEnded(now: $1) }
        case "connected": event { $0.backendConnected(now: $1) }
        case "asked", "charged", "exceeded", "lost", "trouble": store(words, location)
        case "busy": event { $0.backendIsBusy(now: $1) }
        case "drain": event { $0.drain(now: $1) }
        case "refuse": refusesConnections = true
        case "accept": refusesConnections = false
        case "hold": holdsConnections = true
        case "wait": advance((words.last.flatMap { UInt64($0) } ?? 0) * seconds)
        case "client-shut": #expect(hasShutClient, "the client hears no more", sourceLocation: location)
        case "backend-shut": #expect(hasShutBackend, "the backend hears no more", sourceLocation: location)
        case "closed": #expect(isClientClosed, "the client's connection is closed", sourceLocation: location)
        case "open": #expect(!isClientClosed, "the client's connection is open", sourceLocation: location)
        case "finished": #expect(isFinished, "the session is over", sourceLocation: location)
        case "unconnected": #expect(connects.isEmpty, "no backend was asked", sourceLocation: location)
        case "aborted": #expect(aborts == 1, "\(aborts) connections were aborted", sourceLocation: location)
        case _: Issue.record("unknown event \(text)", sourceLocation: location)
        }
    }
}

// MARK: The shared store

extension Rehearsed {
    /// `asked N` (nothing but N questions of one charge), `charged`, `exceeded SECONDS`, `lost`: to the oldest question.
    private func store(_ words: [String], _ location: SourceLocation) {
        if words[0] == "trouble" {
            source.store = .troubled
        } else if words[0] == "asked" {
            #expect(asked.count == words.last.flatMap { Int($0) }, sourceLocation: location)
        } else if asked.isEmpty {
            Issue.record("the store was asked nothing", sourceLocation: location)
        } else {
            let (question, number) = asked.removeFirst()
            let answer = Self.answer(words, to: question)
            event { $0.storeAnswered(number, answer, now: $1) }
        }
    }

    static func answer(_ words: [String], to question: StoreQuestion) -> StoreAnswer {
        guard case .charge(let charges) = question, words[0] != "lost" else { return .lost(.disconnected) }
        if words[0] == "charged" {
            return .charged(charges.map { StoreReceipt($0, since: 1, owed: $0.rate.interval * $0.cost) })
        }
        let wait = (words.last.flatMap { UInt64($0) } ?? 0) * seconds
        return .exceeded(waits: charges.map { _ in wait })
    }
}

/// Beginnings that many scripts share.
enum Opening {
    static let offer = """
        S: 250-mx.example.org
        S: 250-PIPELINING
        S: 250-SIZE 52428800
        S: 250-STARTTLS
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250 LIMITS MAILMAX=100 RCPTMAX=1000
        """

    static let ehlo = """
        S: 220 mx.example.org ESMTP
        C: EHLO laptop

        """ + offer + "\n"

    /// The backend offers these behind its name.
    static func backend(_ keywords: String...) -> String {
        let lines = ["be"] + keywords
        let replies = lines.enumerated().map { "R: 250\($0.offset == lines.count - 1 ? " " : "-")\($0.element)" }
        return (["R: 220 be ESMTP", "B: EHLO laptop"] + replies).joined(separator: "\n") + "\n"
    }

    static let mail = """
        C: MAIL FROM:<a@sender.test>
        S: 250 2.1.0 Ok

        """

    /// Up to one recipient that a pipelining backend with CHUNKING took.
    static func recipient(_ keywords: String = "CHUNKING") -> String {
        ehlo + mail + "C: RCPT TO:<bob@example.com>\n" + backend("PIPELINING", keywords) + """
            B: MAIL FROM:<a@sender.test>
            B: RCPT TO:<bob@example.com>
            R: 250 2.1.0 sender
            R: 250 2.1.5 bob
            S: 250 2.1.5 bob

            """
    }

    static let data =
        recipient() + """
            C: DATA
            B: DATA
            R: 354 go
            S: 354 go

            """

    /// A submission session after STARTTLS and EHLO, before AUTH.
    static let tls = """
        S: 220 mx.example.org ESMTP
        C: STARTTLS
        S: 220 2.0.0 Ready to start TLS
        ! client-tls
        C: EHLO laptop
        S: 250-mx.example.org
        S: 250-PIPELINING
        S: 250-SIZE 52428800
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250 LIMITS MAILMAX=100 RCPTMAX=1000

        """

    /// … and after a login as carol.
    static let login =
        tls + "C: AUTH PLAIN AGNhcm9sAHNlY3JldA==\n" + backend("PIPELINING", "AUTH PLAIN LOGIN") + """
            B: AUTH PLAIN AGNhcm9sAHNlY3JldA==
            R: 235 2.7.0 in
            S: 235 2.7.0 in

            """
}
