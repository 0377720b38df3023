import Bytes
import Reactor
import Throttle

/// Whose requests travel over the connections; never called from inside a call that asks.
protocol StoreNetOwner: AnyObject {
    func storeAnswered(_ errand: UInt64, _ reply: StoreReply, from link: StoreLink, isLate: Bool)
    /// There will be no answer, or one that comes late.
    func storeLost(_ errand: UInt64, _ reason: StoreLossReason)
    /// An errand that was lost before will not even be answered late.
    func storeForgot(_ errand: UInt64)
    func storeNetChanged(_ standing: StoreStanding)
}

/// All connections of one loop to the store: to one server, or to every master of a Redis Cluster.
///
/// What is lost is sought again by itself, at growing intervals that differ from machine to machine.
final class StoreNet: TimerHandler {
    private let settings: StoreSettings
    private let loop: EventLoop
    private let pool = BufferPool()
    private weak var owner: (any StoreNetOwner)?
    private var links: [StoreServer: StoreLink] = [:]
    /// nil for a single server.
    private(set) var map: SlotMap?
    /// Servers that a redirection has named and the map has not.
    private var extras: Set<StoreServer> = []
    private var nextSeed = 0
    private var timer: TimerID?
    private var pause: UInt64
    private var mapIsStale = false
    private var standing: StoreStanding?

    init(_ settings: StoreSettings, loop: EventLoop) {
        (self.settings, self.loop) = (settings, loop)
        pause = settings.patience.retry.lowerBound
    }

    func start(_ owner: any StoreNetOwner) {
        self.owner = owner
        timer = loop.timers.make(self)
        tend()
    }

    /// Ends every connection without a word.
    func stop() {
        owner = nil
        for link in links.values { link.stop() }
        links = [:]
        if let timer { loop.timers.discard(timer) }
        timer = nil
    }
}

// MARK: Asking

extension StoreNet {
    /// Where a key lives; nil while nobody who has it is connected.
    func link(for slot: KeySlot) -> StoreLink? {
        guard let map else { return links.values.first }
        return map.master(of: slot).flatMap { links[$0] }
    }

    /// The connection to one server, which is opened if there is none: for a redirection.
    func link(to server: StoreServer) -> StoreLink? {
        if links[server] == nil, extras.count < SlotMap.mostMasters {
            extras.insert(server)
            open(server)
        }
        return links[server]
    }

    /// Every server that holds keys; nil when one of them is away.
    var masters: [StoreLink]? {
        guard let map else { return links.values.first.map { $0.isOpen ? [$0] : nil } ?? nil }
        let open = map.masters.compactMap { links[$0] }.filter(\.isOpen)
        return open.count == map.masters.count ? open : nil
    }

    /// A server has said that a slot has another master: believed at once, and the whole map is asked for.
    func moved(_ slot: KeySlot, to server: StoreServer, by link: StoreLink) {
        map?.move(slot, to: server)
        _ = self.link(to: server)
        refreshMap(from: link)
    }

    func refreshMap(from link: StoreLink) {
        guard !mapIsStale else { return }
        mapIsStale = true
        link.askForSlots()
        arm(after: pause)
    }
}

/// What an error asks of whoever sent the request.
enum StoreDetour {
    /// The request must be sent again over this connection, if there is one yet, behind an ASKING if that is true.
    case again(StoreLink?, isAsking: Bool)
    /// The keys are on their way between two servers: they must be asked for one at a time.
    case split
    case refused(String)
}

extension StoreNet {
    func detour(_ error: [UInt8], from link: StoreLink) -> StoreDetour {
        let redirection = Redirection(error, of: link.server)
        // A server that has shown no map sends us nowhere: it would get our password there.
        if map == nil, redirection != nil {
            return .refused(
                "\(StoreText.printable(error)): it is part of a Cluster and does not let us ask for CLUSTER SLOTS")
        }
        switch redirection {
        case .moved(let slot, let server):
            moved(slot, to: server, by: link)
            return .again(links[server], isAsking: false)
        case .ask(let server): return .again(self.link(to: server), isAsking: true)
        case nil: break
        }
        let text = StoreText.printable(error)
        switch text.prefix(while: { $0 != " " }) {
        case "NOSCRIPT":
            link.loadScripts()
            return .again(link, isAsking: false)
        case "TRYAGAIN": return .split
        case "CLUSTERDOWN": refreshMap(from: link)
        case "READONLY": link.abandon(.refused, text)
        case _: break
        }
        return .refused(text)
    }
}

// MARK: Tending

extension StoreNet {
    func timerFired(tag: UInt32) {
        mapIsStale = false
        tend()
    }

    /// Opens what is missing.
    private func tend() {
        if let map {
            for master in map.masters where links[master] == nil { open(master) }
            // While a master is away another may have taken over.
            if let other = links.values.first(where: \.isOpen), !isWhole { refreshMap(from: other) }
            if links.values.contains(where: \.isOpen) { return }
        }
        guard map != nil || links.isEmpty, !settings.servers.isEmpty else { return }
        let seed = settings.servers[nextSeed % settings.servers.count]
        nextSeed += 1
        if links[seed] == nil { open(seed) }
    }

    private func open(_ server: StoreServer) {
        let link = StoreLink(server, settings, loop: loop, pool: pool, owner: self)
        links[server] = link
        link.start()
    }

    private func arm(after nanoseconds: UInt64) {
        guard let timer, !loop.timers.isArmed(timer) else { return }
        // Half of it at random: machines that lost the same server do not come back in step.
        let delay = nanoseconds / 2 + UInt64.random(in: 0...(nanoseconds / 2))
        loop.timers.arm(timer, at: loop.now + delay)
    }

    private func retry() {
        arm(after: pause)
        pause = min(pause * 2, settings.patience.retry.upperBound)
    }

    /// Whether every server that holds keys can be asked.
    private var isWhole: Bool { masters.map { !$0.isEmpty } ?? false }

    private func take(_ fresh: SlotMap) {
        guard !fresh.masters.isEmpty else { return }
        map = fresh
        extras.subtract(fresh.masters)
        for (server, link) in links where !fresh.masters.contains(server) && !extras.contains(server) {
            retire(link)
        }
        for master in fresh.masters where links[master] == nil { open(master) }
    }

    private func retire(_ link: StoreLink) {
        links[link.server] = nil
        link.abandon(.disconnected, "it is no master any more")
    }

    private func tell(_ now: StoreStanding) {
        let isChange: Bool =
            switch (standing, now) {
            case (.up, .up), (.lost, .lost): false
            case (nil, _), (.up, .lost), (.lost, .up): true
            }
        guard isChange else { return }
        standing = now
        owner?.storeNetChanged(now)
    }
}

// MARK: What connections tell

extension StoreNet: StoreLinkOwner {
    func linkOpened(_ link: StoreLink) {
        if let reply = link.slots, let fresh = SlotMap(reply, of: link.server) {
            if map == nil || !(map?.masters.contains(link.server) ?? false) { take(fresh) }
        } else if link.isReplica {
            return link.abandon(.refused, "it is a read-only replica")
        } else if map != nil {
            // The operator has put a single server in the Cluster's place.
            map = nil
            for other in links.values where other !== link { retire(other) }
        }
        guard isWhole else { return }
        pause = settings.patience.retry.lowerBound
        tell(.up)
    }

    func linkToldSlots(_ link: StoreLink, _ reply: StoreReply) {
        guard let fresh = SlotMap(reply, of: link.server) else { return }
        take(fresh)
        if isWhole { tell(.up) }
    }

    func linkAnswered(_ link: StoreLink, _ errand: UInt64, _ reply: StoreReply, isLate: Bool) {
        owner?.storeAnswered(errand, reply, from: link, isLate: isLate)
    }

    func linkIsLate(_ link: StoreLink, _ errands: [UInt64]) {
        for errand in errands { owner?.storeLost(errand, .late) }
        tell(.lost(.late, detail: "\(link.server): no answer in time"))
        if map != nil { retry() }
    }

    func linkEnded(_ link: StoreLink, _ reason: StoreLossReason, _ detail: String, _ open: [UInt64], late: [UInt64]) {
        let isNeeded = links[link.server] === link
        if isNeeded { links[link.server] = nil }
        extras.remove(link.server)
        for errand in open { owner?.storeLost(errand, .disconnected) }
        for errand in open + late { owner?.storeForgot(errand) }
        guard isNeeded, owner != nil else { return }
        if !isWhole { tell(.lost(reason, detail: detail)) }
        retry()
    }
}
