// A TCP pipe with ClientBootstrap and ServerBootstrap that looks at every line a client sends, as a proxy would have
// to, and decides nothing. One event loop thread.
//
//     nio-pipe LISTEN-PORT BACKEND-PORT
import NIOCore
import NIOPosix

@main
enum Main {
    static func main() async throws {
        let ports = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        guard ports.count == 2 else {
            print("usage: nio-pipe LISTEN-PORT BACKEND-PORT")
            return
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in connect(client, to: ports[1]) }
            .bind(host: "127.0.0.1", port: ports[0]).get()
        try await listener.closeFuture.get()
    }

    /// Glues the client to a new connection to the backend, then lets both read.
    private static func connect(_ client: any Channel, to port: Int) -> EventLoopFuture<Void> {
        ClientBootstrap(group: client.eventLoop)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: false)
            .connect(host: "127.0.0.1", port: port)
            .flatMap { backend in
                client.eventLoop.makeCompletedFuture {
                    try client.pipeline.syncOperations.addHandler(Pipe(to: backend, scanning: true))
                    try backend.pipeline.syncOperations.addHandler(Pipe(to: client, scanning: false))
                }.map {
                    client.setOption(.autoRead, value: true).whenComplete { _ in }
                    backend.setOption(.autoRead, value: true).whenComplete { _ in }
                }
            }
    }
}
