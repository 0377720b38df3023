/// What the next reply of a server belongs to, in the order in which the requests were written.
struct AwaitedReplies {
    enum Request: Equatable {
        case login
        case database
        case role
        case slots
        case script(StoreScript)
        case asking
        case probe
        /// Somebody's request, by the number under which they wait for it.
        case errand(UInt64)
    }

    struct Entry: Equatable {
        let request: Request
        /// Nanoseconds of the loop's clock.
        let sentAt: UInt64
    }

    private var entries: [Entry] = []
    private var head = 0

    var count: Int { entries.count - head }
    var first: Entry? { head < entries.count ? entries[head] : nil }

    mutating func append(_ request: Request, at now: UInt64) {
        entries.append(Entry(request: request, sentAt: now))
    }

    mutating func removeFirst() -> Entry? {
        guard let first else { return nil }
        head += 1
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 256, head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return first
    }

    /// The errands among what is awaited.
    var errands: [UInt64] {
        entries[head...].compactMap { if case .errand(let number) = $0.request { number } else { nil } }
    }
}
