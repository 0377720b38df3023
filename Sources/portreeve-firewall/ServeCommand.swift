import ArgumentParser
import FirewallHelper
import Glibc
import Reactor

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Keeps the confirmed policy in the kernel and answers the gateway.",
        discussion: """
            Applies the last confirmed policy, restores the table when another program changes it, reads the log group, \
            and hands transparent sockets to the gateway. It keeps CAP_NET_ADMIN and no other capability. When it ends, \
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

    func run() throws {
        do {
            let loop = try prepare()
            let keeper = try FirewallKeeper(stateDirectory: state)
            let server = try HelperServer(
                keeper: keeper, path: socket, gatewayUser: Privileges.identity(of: gatewayUser), on: loop, say: Self.say
            )
            try Privileges.keepNetworkAdministration()
            confine()
            let signals = try Signals([SIGTERM, SIGINT], on: loop) { _ in loop.stop() }
            try server.start()
            ServiceManager.notify("READY=1")
            withExtendedLifetime(signals) { loop.run() }
            ServiceManager.notify("STOPPING=1")
            server.finish()
            _ = unlink(socket)
        } catch let fault as FirewallFault {
            throw Self.failed(fault.description)
        } catch let error as Errno {
            throw Self.failed("\(socket): \(error)")
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
            Self.say("system calls are not confined: \(error)")
        }
    }

    private static func say(_ line: String) {
        Output.error("portreeve-firewall: \(line)")
    }

    private static func failed(_ text: String) -> ExitStatus {
        say(text)
        return .failure
    }
}
