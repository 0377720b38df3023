import Foundation

/// A real Redis Cluster on loopback: masters that share the slots evenly, and as many replicas if wished.
final class RedisCluster {
    let masters: [RedisServer]
    let replicas: [RedisServer]

    init(masters count: Int = 3, replicated: Bool = false) throws {
        masters = try (0..<count).map { _ in try Self.node() }
        replicas = try replicated ? (0..<count).map { _ in try Self.node() } : []
        for (index, node) in masters.enumerated() {
            let (first, last) = (index * 16384 / count, (index + 1) * 16384 / count - 1)
            try node.command("CLUSTER", "ADDSLOTSRANGE", "\(first)", "\(last)")
            try node.command("CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)")
        }
        let all = masters + replicas
        for node in all.dropFirst() {
            try masters[0].command("CLUSTER", "MEET", "127.0.0.1", "\(node.port)", "\(node.clusterPort)")
        }
        try Self.waitUntil { try all.allSatisfy { try Self.peers($0) == all.count } }
        for (master, replica) in zip(masters, replicas) {
            try replica.command("CLUSTER", "REPLICATE", try Self.id(master))
        }
        try Self.waitUntil { try all.allSatisfy { try $0.command("CLUSTER", "INFO").contains("cluster_state:ok") } }
        try Self.waitUntil { try replicas.allSatisfy { try $0.command("INFO", "replication").contains("status:up") } }
    }

    private static func node() throws -> RedisServer {
        let bus = try RedisServer.freePort()
        let server = try RedisServer([
            "--cluster-enabled", "yes", "--cluster-port", "\(bus)", "--cluster-node-timeout", "2000",
            "--cluster-config-file", "nodes.conf", "--repl-diskless-sync-delay", "0",
        ])
        server.clusterPort = bus
        return server
    }

    static func id(_ node: RedisServer) throws -> String { try node.command("CLUSTER", "MYID") }

    private static func peers(_ node: RedisServer) throws -> Int {
        try node.command("CLUSTER", "NODES").split(separator: "\n").filter { $0.contains(" connected") }.count
    }

    /// Asks until it is so; each question is a program of its own, which is pause enough.
    static func waitUntil(_ holds: () throws -> Bool) throws {
        let deadline = Date() + 60
        while try !holds() {
            if Date() > deadline { throw CocoaError(.executableRuntimeMismatch) }
        }
    }
}
