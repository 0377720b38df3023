import Bytes
public import Reactor
public import Throttle

/// The process's own way to the shared store: bans, news of the other machines, buckets by name.
///
/// It has a connection of its own on the supervisor's loop, asks for news once a second, and lists everything after each
/// loss, so nothing that happens meanwhile is missed.
public final class SharedStoreDesk: StoreDesk, TimerHandler {
    /// Nanoseconds between questions for news.
    private static let interval: UInt64 = 1_000_000_000
    /// Nobody's mail waits for an answer here.
    private static let patience: UInt64 = 1_000_000_000
    /// Lifted bans and emptied buckets whose telling failed and is tried again.
    private static let mostUntold = 1000
    static let mostDetours = 5

    let net: StoreNet
    private let loop: EventLoop
    private weak var reader: (any StoreNewsReader)?
    private var errands: [UInt64: Errand] = [:]
    private var lastErrand: UInt64 = 0
    private var timer: TimerID?
    private var feed = NewsFeed()
    private var isAskingForNews = false
    /// What is being asked for is out of date: everything is listed again.
    private var mustList = false
    private var untold: [Announcement] = []

    /// A request and who waits for its answer: nil when there will be none.
    struct Errand {
        /// nil for one that only this server can answer.
        var slot: KeySlot?
        var detours = 0
        let write: (inout OutputBuffer, ScriptNames) -> Void
        let done: (StoreReply?) -> Void
    }

    /// `reader` is not kept alive.
    public init(_ settings: StoreSettings, loop: EventLoop, reader: any StoreNewsReader) {
        var settings = settings
        settings.patience.answer = max(settings.patience.answer, Self.patience)
        net = StoreNet(settings, loop: loop)
        (self.loop, self.reader) = (loop, reader)
    }

    public func start() {
        timer = loop.timers.make(self)
        net.start(self)
    }

    public func stop() {
        net.stop()
        reader = nil
        if let timer { loop.timers.discard(timer) }
        timer = nil
        let waiting = errands.values
        errands = [:]
        for errand in waiting { errand.done(nil) }
    }

    // MARK: Changes

    @discardableResult
    public func ban(_ ban: SharedBan) -> Bool { announce(Announcement(ban)) }

    @discardableResult
    public func lift(_ subject: BanSubject) -> Bool { announce(Announcement(lifting: subject)) }

    @discardableResult
    public func reset(_ name: BucketName) -> Bool {
        guard announcements != nil else { return false }
        let key = BucketKey.octets(name)
        let emptied = Errand(slot: KeySlot(of: key), write: { output, _ in output.request([Array("DEL".utf8), key]) }) {
            [weak self] reply in
            if reply?.integer != nil { self?.announce(Announcement(emptied: name)) }
        }
        return send(emptied, over: net.link(for: KeySlot(of: key)))
    }

    public func buckets(atMost count: Int, _ answer: @escaping ([StoredBucket]?) -> Void) {
        guard let masters = net.masters, !masters.isEmpty else { return answer(nil) }
        BucketWalk(masters, atMost: count, answer).goOn(self)
    }

    /// Where the news are.
    private static let newsSlot = KeySlot(of: NewsScripts.keys[0])
    private var announcements: StoreLink? {
        net.link(for: Self.newsSlot).flatMap { $0.refusal == nil ? $0 : nil }
    }

    @discardableResult
    private func announce(_ announcement: Announcement) -> Bool {
        let told = Errand(slot: Self.newsSlot, write: announcement.write) { [weak self] reply in
            self?.announced(announcement, reply)
        }
        return send(told, over: announcements)
    }

    /// A ban that was not told is told again by whoever compares the list with his own; what has ended is in no list.
    private func announced(_ announcement: Announcement, _ reply: StoreReply?) {
        if reply?.integer != nil { return askForNews() }
        guard announcement.kind != .ban, untold.count < Self.mostUntold else { return }
        untold.append(announcement)
    }
}

// MARK: News

extension SharedStoreDesk {
    public func timerFired(tag: UInt32) {
        askForNews()
        if let timer { loop.timers.arm(timer, at: loop.now + Self.interval) }
    }

    private func askForNews() {
        guard !isAskingForNews else { return }
        let asked = Errand(slot: Self.newsSlot, write: feed.write) { [weak self] in self?.told($0) }
        isAskingForNews = send(asked, over: announcements)
    }

    private func told(_ reply: StoreReply?) {
        isAskingForNews = false
        if mustList {
            mustList = false
            feed.begin()
            return askForNews()
        }
        guard let reply, case .news(let news, let isComplete) = feed.received(reply) else { return feed.begin() }
        for one in news { reader?.storeTold(one) }
        guard isComplete else { return askForNews() }
        let again = untold
        untold = []
        for announcement in again where !announce(announcement) { untold.append(announcement) }
    }
}

// MARK: Errands

extension SharedStoreDesk: StoreNetOwner {
    /// False when there is nobody to take it; then `done` is not called.
    @discardableResult
    func send(_ errand: Errand, over link: StoreLink?, isAsking: Bool = false) -> Bool {
        let number = lastErrand + 1
        guard let link, link.send(number, isAsking: isAsking, errand.write) == nil else { return false }
        lastErrand = number
        errands[number] = errand
        return true
    }

    func storeAnswered(_ number: UInt64, _ reply: StoreReply, from link: StoreLink, isLate: Bool) {
        guard var errand = errands.removeValue(forKey: number) else { return }
        guard case .error(let error) = reply else { return errand.done(reply) }
        errand.detours += 1
        guard case .again(let other, let isAsking) = net.detour(error, from: link), errand.slot != nil,
            errand.detours <= Self.mostDetours, send(errand, over: other, isAsking: isAsking)
        else { return errand.done(nil) }
    }

    func storeLost(_ number: UInt64, _ reason: StoreLossReason) {
        errands.removeValue(forKey: number)?.done(nil)
    }

    func storeForgot(_ number: UInt64) {}

    func storeNetChanged(_ standing: StoreStanding) {
        reader?.storeChanged(standing)
        guard standing == .up else { return }
        if isAskingForNews { mustList = true } else { feed.begin() }
        timerFired(tag: 0)
    }
}
