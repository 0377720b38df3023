/// What the command line asks for.
struct Options {
    enum Command: String {
        case sink, run, hold
    }

    enum TLS: String {
        case none, starttls, implicit
    }

    /// How a session ends.
    enum Ending: String {
        /// It sends its messages.
        case accepted
        /// MAIL is refused.
        case mail
        /// RCPT is refused.
        case rcpt
        /// It closes when it has read the greeting.
        case leave
    }

    var command = Command.run
    var port: UInt16 = 0
    var stalls = false
    var tls = TLS.none
    var ending = Ending.accepted
    var resumes = false
    /// A login after the last EHLO.
    var logsIn = false
    var sessions = 1
    var messages = 1
    var size = 1000
    /// Sessions at once.
    var concurrency = 20
    /// Sessions begun per second, on a schedule; 0 is as many as there is room for.
    var rate = 0
    /// Sessions are begun until stdin ends, as many as that may be.
    var isEndless = false
    /// Where connections come from; nil for the kernel's choice, which is one address.
    var sources: Sources?
    var recipient = "bob@example.com"

    init(_ arguments: some Sequence<String>) throws {
        var rest = Array(arguments)[...]
        guard let command = rest.popFirst().flatMap(Command.init), let port = rest.popFirst().flatMap(UInt16.init)
        else { throw Misuse(text: "usage: reeve-load sink|run|hold PORT [OPTION...]") }
        self.command = command
        self.port = port
        while let name = rest.popFirst() { try set(name, &rest) }
    }

    private mutating func set(_ name: String, _ rest: inout ArraySlice<String>) throws {
        switch name {
        case "--stall": stalls = true
        case "--resume": resumes = true
        case "--endless": (isEndless, sessions) = (true, .max)
        case "--login": logsIn = true
        case "--tls": tls = try value(name, &rest, TLS.init)
        case "--ending": ending = try value(name, &rest, Ending.init)
        case "--sessions": sessions = try value(name, &rest) { Int($0) }
        case "--messages": messages = try value(name, &rest) { Int($0) }
        case "--size": size = try value(name, &rest) { Int($0) }
        case "--concurrency": concurrency = try value(name, &rest) { Int($0) }
        case "--rate": rate = try value(name, &rest) { Int($0) }
        case "--sources": sources = try value(name, &rest, Sources.init)
        case "--recipient": recipient = try value(name, &rest) { $0 }
        case _: throw Misuse(text: "unknown option \(name)")
        }
    }

    private func value<T>(_ name: String, _ rest: inout ArraySlice<String>, _ read: (String) -> T?) throws -> T {
        guard let text = rest.popFirst(), let value = read(text) else { throw Misuse(text: "\(name): no such value") }
        return value
    }
}

struct Misuse: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
}
