import ArgumentParser
import FirewallHelper
import Glibc
import Reactor

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Keeps the confirmed policy in the kernel and answers the gateway.",
        discussion: """
            Applies the last confirmed policy, restores the table when another program changes it, reads the log group, \
            and hands transparent sockets to the gateway. Lists of the applied policy are read again when they change, rules \
            on SIGHUP. It keeps CAP_NET_ADMIN and no other capability. When it ends, \
            the rules stay: 'portreeve firewall off' removes them.
            """)

    @Option(help: "The unix-domain socket that it is asked on.")
    var socket: String = HelperPaths.socket

    @Option(help: "The directory of the confirmed policy and of what must survive a restart.")
    var state: String = HelperPaths.state

    @Option(
        name: .customLong("gateway-user"),
        help: "The user whose gateway may ask for sockets, bans and numbers; root may ask everything.")
    var gatewayUser: String = "_portreeve"

    @Flag(help: "JSON for scripts: an object for each line.")
    var json = false

    func run() throws {
        do {
            let loop = try prepare()
            let keeper = try FirewallKeeper(stateDirectory: state)
            let server = try HelperServer(
                keeper: keeper, path: socket, gatewayUser: Privileges.identity(of: gatewayUser), on: loop, say: say,
                readPolicy: PolicyOptions.read)
            try Privileges.keepNetworkAdministration()
            confine()
            let signals = try Signals([SIGTERM, SIGINT, SIGHUP], on: loop) { signal in
                if signal == SIGHUP { Self.reload(server) } else { loop.stop() }
            }
            try server.start()
            ServiceManager.notify("READY=1")
            withExtendedLifetime(signals) { loop.run() }
            ServiceManager.notify("STOPPING=1")
            server.finish()
            _ = unlink(socket)
        } catch let fault as FirewallFault {
            throw failed(fault.description)
        } catch let error as Errno {
            throw failed("\(socket): \(error)")
        }
    }

    private func prepare() throws(Errno) -> EventLoop {
        try Signals.blockAll()
        Signals.ignoreBrokenPipe()
        if let directory = socket.lastIndex(of: "/").map({ String(socket[..<$0]) }), !directory.isEmpty {
            _ = mkdir(directory, 0o755)
        }
        return try EventLoop()
    }

    /// A kernel without seccomp is no reason to leave the port open.
    private func confine() {
        do throws(Errno) {
            try Privileges.confineSystemCalls()
        } catch {
            say("system calls are not confined: \(error)")
        }
    }

    private static func reload(_ server: HelperServer) {
        ServiceManager.notify("RELOADING=1\nMONOTONIC_USEC=\(Instant.current().nanoseconds / 1000)")
        server.reload()
        ServiceManager.notify("READY=1")
    }

    private func say(_ line: String) {
        if json {
            let line = Line(time: JSONText.time(PolicyOptions.now), message: line)
            Output.error(JSONText.text(line))
        } else {
            Output.error("portreeve-firewall: \(line)")
        }
    }

    private struct Line: Encodable {
        let time, message: String
    }

    private func failed(_ text: String) -> ExitStatus {
        say(text)
        return .failure
    }
}
