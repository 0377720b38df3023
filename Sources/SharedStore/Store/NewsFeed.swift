import Bytes
import Throttle

/// What one machine has seen of the store's news, and what each further answer adds.
///
/// After a connection, and whenever the store may have forgotten something or this machine may have missed something,
/// it lists everything; then it follows the changes.
struct NewsFeed {
    /// Entries in one answer.
    static let page = 200
    /// How long it is remembered at least that a ban was lifted, and that a bucket was emptied: milliseconds.
    static let liftMemory: UInt64 = 24 * 3_600_000
    static let resetMemory: UInt64 = 600_000

    private var epoch: [UInt8] = []
    private var version: Int64 = 0
    /// While everything is listed: the bans so far.
    private var listing: [SharedBan]? = []

    /// Lists everything again.
    mutating func begin() {
        (epoch, version, listing) = ([], 0, [])
    }

    func write(_ output: inout OutputBuffer, _ names: ScriptNames) {
        output.request(3 + NewsScripts.keys.count + 3)
        output.word("EVALSHA")
        output.word(names[.news])
        output.word(decimal: UInt64(NewsScripts.keys.count))
        for key in NewsScripts.keys { output.word(key) }
        output.word(epoch)
        output.word(decimal: UInt64(max(0, version)))
        output.word(decimal: UInt64(Self.page))
    }

    enum Outcome: Equatable {
        /// `isComplete` is false where more must be asked for at once.
        case news([StoreNews], isComplete: Bool)
        case unexpected
    }

    mutating func received(_ reply: StoreReply) -> Outcome {
        guard let values = reply.elements, values.count >= 4, (values.count - 4) % 3 == 0,
            let now = values[3].integer, let floor = values[2].integer, let latest = values[1].integer,
            let epoch = values[0].octets
        else { return .unexpected }
        if epoch != self.epoch {
            (self.epoch, version, listing) = (epoch, 0, [])
        } else if listing == nil, version < floor || version > latest {
            (version, listing) = (0, [])
            return .news([], isComplete: false)
        }
        return take(Array(values[4...]), latest: latest, now: now)
    }

    private mutating func take(_ values: [StoreReply], latest: Int64, now: Int64) -> Outcome {
        var news: [StoreNews] = []
        for start in stride(from: 0, to: values.count, by: 3) {
            guard let subject = values[start].octets, let stamp = values[start + 1].integer, stamp > version,
                let text = values[start + 2].octets
            else { return .unexpected }
            version = stamp
            guard let entry = NewsEntry(subject: subject, text, now: now) else { continue }
            if case .banned(let ban) = entry.news, listing != nil {
                listing?.append(ban)
            } else {
                news.append(entry.news)
            }
        }
        guard values.count / 3 < Self.page else { return .news(news, isComplete: false) }
        version = max(version, latest)
        // Behind what was lifted meanwhile, so that nobody takes it for a ban that the store has lost.
        if let all = listing { news.append(.bans(all)) }
        listing = nil
        return .news(news, isComplete: true)
    }
}

/// One entry of the news, from and to the store's words.
struct NewsEntry: Equatable {
    let news: StoreNews

    private static let nanoseconds: UInt64 = 1_000_000

    /// nil for what is over, and for what another version of this program may have written.
    init?(subject: [UInt8], _ text: [UInt8], now: Int64) {
        let words = text.split(separator: UInt8(ascii: " "), maxSplits: 4, omittingEmptySubsequences: false)
        guard words.count == 5, let end = Int64(String(decoding: words[1], as: UTF8.self)),
            let begun = Int64(String(decoding: words[2], as: UTF8.self)), end > now
        else { return nil }
        switch String(decoding: words[0], as: UTF8.self) {
        case "ban":
            guard let about = Self.banSubject(subject) else { return nil }
            news = .banned(
                SharedBan(
                    about, age: Self.nanoseconds(from: begun, to: now), remaining: Self.nanoseconds(from: now, to: end),
                    reason: String(decoding: words[4], as: UTF8.self), isManual: words[3].first == UInt8(ascii: "1"),
                    isProxied: words[3].dropFirst().first == UInt8(ascii: "1")))
        case "lift":
            guard let about = Self.banSubject(subject) else { return nil }
            news = .lifted(about)
        case "reset":
            guard subject.first == UInt8(ascii: "b"), let name = BucketKey.name(Array(subject.dropFirst())) else {
                return nil
            }
            news = .reset(name)
        case _: return nil
        }
    }

    private static func nanoseconds(from start: Int64, to end: Int64) -> UInt64 {
        let (milliseconds, overflow) = end.subtractingReportingOverflow(start)
        return overflow ? 0 : UInt64(max(0, milliseconds)).multipliedSaturating(by: nanoseconds)
    }

    private static func banSubject(_ octets: [UInt8]) -> BanSubject? {
        let rest = Array(octets.dropFirst())
        switch octets.first {
        case UInt8(ascii: "n"): return AddressPrefix(String(decoding: rest, as: UTF8.self)).map { .net($0) }
        case UInt8(ascii: "u"): return .user(rest)
        case _: return nil
        }
    }

    // MARK: Writing

    static func subject(_ subject: BanSubject) -> [UInt8] {
        switch subject {
        case .net(let net): Array("n\(net)".utf8)
        case .user(let name): [UInt8(ascii: "u")] + name
        }
    }

    static func subject(_ name: BucketName) -> [UInt8] {
        [UInt8(ascii: "b")] + BucketKey.octets(name)
    }
}

/// A change that is to be told to all.
struct Announcement: Equatable {
    enum Kind: String {
        case ban, lift, reset
    }

    let kind: Kind
    let subject: [UInt8]
    var lasts: UInt64
    var age: UInt64 = 0
    var flags = "00"
    var reason: [UInt8] = []

    init(_ ban: SharedBan) {
        kind = .ban
        subject = NewsEntry.subject(ban.subject)
        lasts = ban.remaining / 1_000_000
        age = ban.age / 1_000_000
        flags = (ban.isManual ? "1" : "0") + (ban.isProxied ? "1" : "0")
        reason = Array(ban.reason.utf8)
    }

    init(lifting subject: BanSubject) {
        (kind, self.subject, lasts) = (.lift, NewsEntry.subject(subject), NewsFeed.liftMemory)
    }

    init(emptied name: BucketName) {
        (kind, subject, lasts) = (.reset, NewsEntry.subject(name), NewsFeed.resetMemory)
    }

    func write(_ output: inout OutputBuffer, _ names: ScriptNames) {
        output.request(3 + NewsScripts.keys.count + 7)
        output.word("EVALSHA")
        output.word(names[.publish])
        output.word(decimal: UInt64(NewsScripts.keys.count))
        for key in NewsScripts.keys { output.word(key) }
        output.word(Array(kind.rawValue.utf8))
        output.word(subject)
        output.word(decimal: lasts)
        output.word(decimal: age)
        output.word(Array(flags.utf8))
        output.word(reason)
        output.word(decimal: UInt64(BanTable.capacity))
    }
}
