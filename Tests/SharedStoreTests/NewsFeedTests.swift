import Testing
import Throttle

@testable import SharedStore

@Suite struct NewsFeedTests {
    private static let mallory = BanSubject.user(Array("mallory".utf8))

    private static func reply(
        epoch: String = "e", version: Int64, floor: Int64 = 0, _ entries: (String, Int64, String)...
    ) -> StoreReply {
        .array(
            [.bulk(Array(epoch.utf8)), .integer(version), .integer(floor), .integer(1_000_000)]
                + entries.flatMap { [.bulk(Array($0.0.utf8)), .integer($0.1), .bulk(Array($0.2.utf8))] })
    }

    private static func listed() -> Kept<NewsFeed> {
        let feed = Kept(NewsFeed())
        #expect(feed.value.received(reply(version: 4)) == .news([.bans([])], isComplete: true))
        return feed
    }

    private static let banned = SharedBan(
        mallory, age: 1_000_000_000, remaining: 2_000_000_000, reason: "a b", isManual: true, isProxied: false)
    private static let entry = "ban 1002000 999000 10 a b"

    @Test func `first everything, then what is new`() {
        let feed = Kept(NewsFeed())
        #expect(
            feed.value.received(Self.reply(version: 9, ("umallory", 5, Self.entry)))
                == .news([.bans([Self.banned])], isComplete: true))
        #expect(feed.value.received(Self.reply(version: 9)) == .news([], isComplete: true))
        #expect(
            feed.value.received(Self.reply(version: 11, ("umallory", 11, "lift 1002000 1000000 00 ")))
                == .news([.lifted(Self.mallory)], isComplete: true))
    }

    @Test func `whoever was away below the floor lists everything again`() {
        let feed = Self.listed()
        #expect(feed.value.received(Self.reply(version: 20, floor: 7)) == .news([], isComplete: false))
        #expect(
            feed.value.received(Self.reply(version: 20, floor: 7, ("umallory", 9, Self.entry)))
                == .news([.bans([Self.banned])], isComplete: true))
    }

    @Test func `a store that lost its memory, or a part of it, is listed again`() {
        let feed = Self.listed()
        #expect(feed.value.received(Self.reply(epoch: "f", version: 0)) == .news([.bans([])], isComplete: true))
        let older = Self.listed()
        #expect(older.value.received(Self.reply(version: 3)) == .news([], isComplete: false))
        #expect(older.value.received(Self.reply(version: 3)) == .news([.bans([])], isComplete: true))
    }

    @Test func `a full page is followed by another`() {
        let feed = Kept(NewsFeed())
        var values: [StoreReply] = [.bulk([101]), .integer(300), .integer(0), .integer(1_000_000)]
        for number in 1...Int64(NewsFeed.page) {
            values += [.bulk(Array("uu\(number)".utf8)), .integer(number), .bulk(Array(Self.entry.utf8))]
        }
        #expect(feed.value.received(.array(values)) == .news([], isComplete: false))
        guard
            case .news(let news, isComplete: true) = feed.value.received(
                Self.reply(version: 300, ("umallory", 300, Self.entry))),
            case .bans(let all) = news.last
        else {
            Issue.record("no list")
            return
        }
        #expect(all.count == NewsFeed.page + 1)
    }

    @Test func `what is over, and what nobody can read, is left out`() {
        let feed = Self.listed()
        let news = feed.value.received(
            Self.reply(
                version: 20, ("umallory", 5, "ban 999999 0 00 over"), ("x1", 6, Self.entry),
                ("n300.1.2.3/8", 7, Self.entry),
                ("umallory", 8, "dance 1002000 0 00 x"), ("umallory", 9, "ban x 0 00 r"), ("umallory", 10, ""),
                ("b?", 11, "reset 1002000 0 00 "),
                ("n192.0.2.0/24", 12, "ban 9223372036854775807 -9223372036854775808 0 ")))
        guard case .news(let told, isComplete: true) = news, case .banned(let ban) = told.first else {
            Issue.record("\(news)")
            return
        }
        #expect(told.count == 1)
        #expect(ban.remaining > 0 && !ban.isManual && !ban.isProxied)
    }

    @Test func `an answer that is none is not believed`() {
        let bad: [StoreReply] = [
            .null, .array([]), .array([.integer(1), .integer(1), .integer(1), .integer(1)]),
            .array([.bulk([]), .integer(1), .integer(1), .integer(1), .integer(1)]),
            Self.reply(version: 9, ("umallory", 5, Self.entry), ("umallory", 5, Self.entry)),
        ]
        for reply in bad {
            let feed = Kept(NewsFeed())
            #expect(feed.value.received(reply) == .unexpected)
        }
    }
}
