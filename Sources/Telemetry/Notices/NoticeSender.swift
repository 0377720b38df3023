import CCurl
public import Policy
import Reactor

/// Tells operators, on a thread of its own: `send` never waits for a web server or a mailbox.
///
/// What finds no room in the queue is lost and counted in the next notice; a notice is tried once, since the log has the
/// decision anyway.
public final class NoticeSender: @unchecked Sendable {
    /// Notices that wait at most.
    static let capacity = 64

    private let lock = Lock()
    private let changed = Condition()
    private let complain: @Sendable (String) -> Void
    private var settings: NoticeSettings
    private var waiting: [(notice: Notice, time: WallTime, suppressed: UInt64)] = []
    private var isStopping = false
    private var thread: NativeThread?

    /// `complain` is told, on the sender's thread, what could not be delivered and why.
    public init(_ settings: NoticeSettings, complain: @escaping @Sendable (String) -> Void) {
        self.settings = settings
        self.complain = complain
    }

    /// A reload: later notices go there.
    public func apply(_ settings: NoticeSettings) {
        lock.withLock { self.settings = settings }
    }

    /// False if there is no room, or nobody to tell.
    public func send(_ notice: Notice, at time: WallTime, suppressed: UInt64) -> Bool {
        let isTaken = lock.withLock { () -> Bool in
            guard !isStopping, !settings.isEmpty, waiting.count < Self.capacity, start() else { return false }
            waiting.append((notice, time, suppressed))
            return true
        }
        if isTaken { changed.wakeAll() }
        return isTaken
    }

    /// Ends the thread after the notice that it is at.
    public func stop() {
        let thread = lock.withLock { () -> NativeThread? in
            isStopping = true
            return self.thread
        }
        changed.wakeAll()
        thread?.join()
    }

    // MARK: The thread

    /// The first notice starts the thread, since most processes never need it; under the lock.
    private func start() -> Bool {
        if thread != nil { return true }
        curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        thread = try? NativeThread.start("notices") { [self] in run() }
        return thread != nil
    }

    private func run() {
        while let (text, settings) = next() {
            if let url = settings.webhook, let fault = Courier.post(text.json, to: url) {
                complain("notify.webhook: not told of '\(text.sentence)': \(fault)")
            }
            if let mail = settings.mail,
                let fault = Courier.send(text.message(to: mail.recipients), mail, as: settings.hostname)
            {
                complain("notify.mail: not told of '\(text.sentence)': \(fault)")
            }
        }
    }

    private func next() -> (NoticeText, NoticeSettings)? {
        lock.withLock { () -> (NoticeText, NoticeSettings)? in
            while waiting.isEmpty, !isStopping { changed.wait(lock) }
            guard !isStopping else { return nil }
            let (notice, time, suppressed) = waiting.removeFirst()
            return (
                NoticeText(notice: notice, time: time, hostname: settings.hostname, suppressed: suppressed), settings
            )
        }
    }
}
