import Bytes
import Throttle

/// Looks at the buckets of every server, some hundred keys at a time, until there are enough.
///
/// SCAN may show a key twice and may miss one that comes meanwhile; it never holds the server up.
final class BucketWalk {
    /// Keys that SCAN looks at in one call; those that are ours are read at once.
    private static let batch = 200

    private var links: [StoreLink]
    private let most: Int
    private var answer: (([StoredBucket]?) -> Void)?
    private var cursor = Array("0".utf8)
    private var seen: Set<[UInt8]> = []
    private var found: [StoredBucket] = []
    private var now: UInt64 = 0
    private var awaited = 0

    init(_ links: [StoreLink], atMost most: Int, _ answer: @escaping ([StoredBucket]?) -> Void) {
        (self.links, self.most, self.answer) = (links, most, answer)
    }

    /// Takes the next step; the errands keep the walk alive.
    func goOn(_ desk: SharedStoreDesk) {
        guard found.count < most, !links.isEmpty else { return end(Array(found.prefix(most))) }
        let words = ["SCAN", String(decoding: cursor, as: UTF8.self), "MATCH"].map { Array($0.utf8) }
        let request = words + [BucketKey.pattern, Array("COUNT".utf8), Array("\(Self.batch)".utf8)]
        send(desk, request) { [weak desk] reply in
            guard let desk, let parts = reply.elements, parts.count == 2, let cursor = parts[0].octets,
                let keys = parts[1].elements
            else { return self.end(nil) }
            self.cursor = cursor
            self.read(keys.compactMap(\.octets), desk)
        }
    }

    private func read(_ keys: [[UInt8]], _ desk: SharedStoreDesk) {
        awaited = 1
        send(desk, [Array("TIME".utf8)]) { reply in
            self.now = Self.time(reply)
            self.readOne(desk)
        }
        for key in keys {
            guard let name = BucketKey.name(key), seen.insert(key).inserted else { continue }
            awaited += 1
            send(desk, [Array("GET".utf8), key]) { reply in
                if let arrival = Self.arrival(reply), arrival > self.now {
                    self.found.append(StoredBucket(name, owed: arrival - self.now))
                }
                self.readOne(desk)
            }
        }
    }

    private func readOne(_ desk: SharedStoreDesk) {
        awaited -= 1
        guard awaited == 0, answer != nil else { return }
        if cursor == Array("0".utf8) { links.removeFirst() }
        goOn(desk)
    }

    private func send(_ desk: SharedStoreDesk, _ words: [[UInt8]], _ done: @escaping (StoreReply) -> Void) {
        guard let link = links.first else { return }
        let errand = SharedStoreDesk.Errand(write: { output, _ in output.request(words) }) { reply in
            // A key that has moved away meanwhile is an error, and so is a server that has gone.
            if let reply { done(reply) } else { self.end(nil) }
        }
        if !desk.send(errand, over: link) { end(nil) }
    }

    private func end(_ buckets: [StoredBucket]?) {
        let answer = self.answer
        self.answer = nil
        links = []
        answer?(buckets)
    }

    /// Nanoseconds since 1970; what is beyond their end is the end.
    private static func arrival(_ reply: StoreReply) -> UInt64? {
        guard let octets = reply.octets, !octets.isEmpty, octets.allSatisfy(ASCII.isDigit) else { return nil }
        return UInt64(String(decoding: octets, as: UTF8.self)) ?? .max
    }

    private static func time(_ reply: StoreReply) -> UInt64 {
        guard let parts = reply.elements, parts.count == 2, let seconds = parts[0].number,
            let microseconds = parts[1].number, seconds >= 0, microseconds >= 0
        else { return 0 }
        return UInt64(seconds).multipliedSaturating(by: 1_000_000_000)
            .addingSaturating(UInt64(microseconds).multipliedSaturating(by: 1000))
    }
}
