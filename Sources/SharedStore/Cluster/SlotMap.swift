/// Where one server listens: a name or an address in text, and a port.
public struct StoreServer: Hashable, Sendable {
    public let host: String
    public let port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

extension StoreServer: CustomStringConvertible {
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Which master of a Redis Cluster has which slots.
struct SlotMap: Equatable, Sendable {
    /// More masters than this is no answer to believe.
    static let mostMasters = 1000

    private(set) var masters: [StoreServer] = []
    /// For each slot an index into `masters`, -1 for a slot that nobody serves.
    private var owners = [Int16](repeating: -1, count: KeySlot.count)

    /// Reads the answer to CLUSTER SLOTS of `server`; nil if it is no such answer.
    ///
    /// Each row is a first slot, a last slot, the master and its replicas; a master without a host is the server that
    /// was asked.
    init?(_ reply: StoreReply, of server: StoreServer) {
        guard let rows = reply.elements else { return nil }
        for row in rows {
            guard let row = row.elements, row.count >= 3, let first = row[0].integer, let last = row[1].integer,
                (0..<Int64(KeySlot.count)).contains(first), (first..<Int64(KeySlot.count)).contains(last),
                let master = Self.server(row[2], of: server)
            else { return nil }
            guard let index = index(of: master) else { return nil }
            for slot in Int(first)...Int(last) { owners[slot] = index }
        }
    }

    func master(of slot: KeySlot) -> StoreServer? {
        let owner = owners[Int(slot.number)]
        return owner < 0 ? nil : masters[Int(owner)]
    }

    /// Takes over what one redirection has told.
    mutating func move(_ slot: KeySlot, to server: StoreServer) {
        if let index = index(of: server) { owners[Int(slot.number)] = index }
    }

    private mutating func index(of server: StoreServer) -> Int16? {
        if let known = masters.firstIndex(of: server) { return Int16(known) }
        guard masters.count < Self.mostMasters else { return nil }
        masters.append(server)
        return Int16(masters.count - 1)
    }

    private static func server(_ reply: StoreReply, of asked: StoreServer) -> StoreServer? {
        guard let parts = reply.elements, parts.count >= 2, let port = parts[1].integer.flatMap({ UInt16(exactly: $0) })
        else { return nil }
        let host = parts[0].octets.map(StoreText.printable) ?? ""
        return StoreServer(host: host.isEmpty || host == "?" ? asked.host : host, port: port)
    }
}

/// A server's word that a key is elsewhere.
enum Redirection: Equatable, Sendable {
    /// From now on.
    case moved(KeySlot, StoreServer)
    /// For this one request, which follows an ASKING.
    case ask(StoreServer)

    /// Reads `MOVED 3999 192.0.2.1:6381` and `ASK 3999 192.0.2.1:6381`; nil for any other error.
    init?(_ error: [UInt8], of asked: StoreServer) {
        let words = error.split(separator: UInt8(ascii: " "))
        guard words.count == 3, let slot = UInt16(String(decoding: words[1], as: UTF8.self)), slot < KeySlot.count,
            let server = Self.server(words[2], of: asked)
        else { return nil }
        switch String(decoding: words[0], as: UTF8.self) {
        case "MOVED": self = .moved(KeySlot(number: slot), server)
        case "ASK": self = .ask(server)
        case _: return nil
        }
    }

    /// An IPv6 address stands without brackets; the port is behind the last colon.
    private static func server(_ octets: ArraySlice<UInt8>, of asked: StoreServer) -> StoreServer? {
        guard let colon = octets.lastIndex(of: UInt8(ascii: ":")),
            let port = UInt16(String(decoding: octets[(colon + 1)...], as: UTF8.self))
        else { return nil }
        let host = StoreText.printable(Array(octets[..<colon]))
        return StoreServer(host: host.isEmpty ? asked.host : host, port: port)
    }
}
