import Bytes
import Configuration
import Control
import Foundation
import Gateway
import Reactor

/// `portreeve demo`: a mail sink, a proxy before it, and clients that it refuses or lets in, all in this process.
public struct Demo {
    public static let defaultPortBase: UInt16 = 2000
    /// Unprivileged, and the highest port still exists.
    public static let portBases: ClosedRange<UInt16> = 1024...64_900

    private let options: DemoOptions

    public init(_ options: DemoOptions) {
        self.options = options
    }

    /// Plays the sessions and serves until a signal; the exit status.
    ///
    /// Call it before any other thread exists: it blocks signals.
    public func run() throws(DemoFailure) -> Int32 {
        let place = try prepare()
        let sink = try Self.sink(place)
        defer { sink.stop() }
        let daemon = try daemon(place, sink)
        let text = DemoText(
            base: options.portBase, place: place, program: options.program, hasColours: DemoText.terminalHasColours)
        Self.print(text.head)
        let wentWell = Locked(true)
        let stopper = daemon.stopper
        let (base, endsAfterSessions) = (options.portBase, options.endsAfterSessions)
        try Self.translating { () throws(Errno) in
            _ = try NativeThread.start("demo-clients") {
                let results = Self.play(place, base)
                Self.print(text.table(results, Self.decisions(place, results)) + (endsAfterSessions ? "" : text.advice))
                wentWell.withLock { $0 = results.allSatisfy(\.isAsExpected) }
                if endsAfterSessions { stopper.stop() }
            }
        }
        let code = daemon.run()
        return endsAfterSessions && !wentWell.withLock { $0 } ? 1 : code
    }
}

// MARK: Preparing

extension Demo {
    private func prepare() throws(DemoFailure) -> DemoPlace {
        Signals.ignoreBrokenPipe()
        try Self.translating { () throws(Errno) in try Signals.blockAll() }
        try requireFreePorts()
        return try DemoPlace(options.folder)
    }

    /// Names every port that is taken, and the way out.
    func requireFreePorts() throws(DemoFailure) {
        let taken = DemoPort.allCases.compactMap { port -> String? in
            let endpoint = Endpoint(address: IPAddress(v4: 0x7F00_0001), port: port.number(options.portBase))
            return Listener.probe(endpoint).map { "\(endpoint): \($0)" }
        }
        guard let first = taken.first else { return }
        let advice = "stop what listens there, or choose other ports: portreeve demo --port-base 3000"
        throw DemoFailure(taken.count == 1 ? "\(first)\n\(advice)" : taken.joined(separator: "\n") + "\n\(advice)")
    }

    private static func sink(_ place: DemoPlace) throws(DemoFailure) -> MailSink {
        var options = MailSinkOptions()
        options.hostname = "sink.\(DemoPlace.domain)"
        options.domains = [DemoPlace.domain]
        options.users = [DemoPlace.user]
        options.storage = .folder(place.mail)
        let ready = options
        return try translating { () throws(Errno) in try MailSink(ready) }
    }

    private func daemon(_ place: DemoPlace, _ sink: MailSink) throws(DemoFailure) -> Daemon {
        let plan = try place.plan(base: options.portBase, sink: sink.endpoint)
        var daemonOptions = DaemonOptions()
        daemonOptions.version = options.version
        // Nothing here needs a privilege, and the folder belongs to whoever asked.
        daemonOptions.dropsPrivileges = false
        do throws(StartFailure) {
            return try Daemon(plan: plan, configurationPath: place.configuration, options: daemonOptions)
        } catch {
            switch error {
            case .findings(let text): throw DemoFailure("\n" + text)
            case .message(let text): throw DemoFailure(text)
            }
        }
    }

    private static func translating<Result>(_ body: () throws(Errno) -> Result) throws(DemoFailure) -> Result {
        do throws(Errno) {
            return try body()
        } catch {
            throw DemoFailure(error.description)
        }
    }

    private static func print(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}

// MARK: Playing

extension Demo {
    /// Nanoseconds that the proxy and its log get to be ready.
    private static let patience: UInt64 = 5_000_000_000
    /// Microseconds between two looks.
    private static let pause: UInt32 = 20_000

    private static func play(_ place: DemoPlace, _ base: UInt16) -> [DemoResult] {
        // Until the proxy knows its backend it offers no login.
        waitUntil { isBackendKnown(place) }
        return DemoSession.all.map { $0.play(base: base) }
    }

    private static func isBackendKnown(_ place: DemoPlace) -> Bool {
        guard let status = try? ControlClient.ask(.status, at: place.socket, patience: patience).status else {
            return false
        }
        return status.backends.flatMap(\.servers).allSatisfy { $0.state == .up }
    }

    /// The log is written behind the sessions: waits for their ends.
    private static func decisions(_ place: DemoPlace, _ results: [DemoResult]) -> DecisionLookup {
        var lookup = DecisionLookup(log: "")
        waitUntil {
            let log = (try? String(contentsOfFile: place.log, encoding: .utf8)) ?? ""
            lookup = DecisionLookup(log: log)
            return results.compactMap(\.clientPort).allSatisfy(lookup.hasEnd)
        }
        return lookup
    }

    private static func waitUntil(_ condition: () -> Bool) {
        let deadline = Instant.current() + patience
        while !condition(), Instant.current() < deadline { usleep(pause) }
    }
}
