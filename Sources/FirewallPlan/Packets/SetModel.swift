/// A set that fills, forgets and counts as the kernel's do.
struct SetModel: Sendable {
    let keyLength: Int
    private let intervals: [SetElement]
    private let defaultTimeout: UInt64?
    private let size: Int
    private var elements: [[UInt8]: Element] = [:]

    private struct Element: Sendable {
        /// Milliseconds; nil for never.
        var ends: UInt64?
        var tokens: Tokens?
    }

    init(_ set: NamedSet) {
        keyLength = set.key.length
        intervals = set.elements.filter { $0.last != nil }
        defaultTimeout = set.timeout
        size = set.size.map(Int.init) ?? .max
        for element in set.elements where element.last == nil {
            elements[element.key] = Element(ends: element.expiration ?? element.timeout ?? set.timeout)
        }
    }

    mutating func insert(_ key: [UInt8], ends: UInt64?) {
        elements[key] = Element(ends: ends)
    }

    func contains(_ key: [UInt8], now: UInt64) -> Bool {
        if let element = elements[key], element.ends.map({ $0 > now }) ?? true { return true }
        return intervals.contains { $0.contains(key) }
    }

    /// False if the rule stops here: the set is full, or the element's statement does not match.
    mutating func apply(_ update: DynamicUpdate, _ key: [UInt8], now: UInt64) -> Bool {
        let timeout = update.timeout == 0 ? defaultTimeout : update.timeout
        let ends = timeout.map { now + $0 }
        var element: Element
        if let known = elements[key], known.ends.map({ $0 > now }) ?? true {
            element = known
            if update.operation == .update { element.ends = ends }
        } else {
            elements[key] = nil
            guard elements.count < size else { return false }
            element = Element(ends: ends)
        }
        var holds = true
        if case .limit(let limit) = update.statement {
            var tokens = element.tokens ?? Tokens(limit, now: now)
            holds = tokens.take(limit, now: now) != limit.isOver
            element.tokens = tokens
        }
        elements[key] = element
        return holds
    }
}

/// The kernel's token bucket of `limit`: a burst of tokens that refills with time.
private struct Tokens: Sendable {
    /// Milliseconds' worth.
    private var level: UInt64
    private var last: UInt64

    init(_ limit: Limit, now: UInt64) {
        level = limit.cost * UInt64(limit.burst)
        last = now
    }

    /// Whether the packet is within the rate.
    mutating func take(_ limit: Limit, now: UInt64) -> Bool {
        level = min(level + (now - min(last, now)), limit.cost * UInt64(limit.burst))
        last = now
        guard level >= limit.cost else { return false }
        level -= limit.cost
        return true
    }
}

extension Limit {
    /// Milliseconds that one packet costs.
    fileprivate var cost: UInt64 { max(unit * 1000 / max(rate, 1), 1) }
}
