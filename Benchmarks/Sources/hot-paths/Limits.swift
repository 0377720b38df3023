import Bytes
import Throttle

/// What admission and a rate limit cost.
enum Limits {
    static func take(_ count: Int) -> Int {
        var ledger = ConnectionLedger()
        let limit = RateLimit(count: 1_000_000, period: 1_000_000_000, burst: 1_000_000)
        let limits = ConnectionLedger.Limits(sessions: 10_000, sessionsPerClient: 20, rate: limit)
        let clients = (0..<256).compactMap { AddressPrefix(IPAddress(v4: 0xCB00_7100 + $0), length: 32) }
        var (arrival, now, passed): (UInt64, UInt64, Int) = (0, 1_000_000_000_000, 0)
        for number in 0..<count {
            now &+= 1_000_000
            let client = clients[number % clients.count]
            guard ledger.admit(client, limits, now: now) == nil else { continue }
            if limit.charge(&arrival, now: now) { passed += 1 }
            ledger.leave(client)
        }
        return passed
    }
}
