import Glibc
import Testing

@testable import Reactor

@Suite("Mailboxes, locks and threads")
struct MailboxTests {
    @Test("LoopMailbox: messages from several threads arrive, each thread's in order")
    func manyThreads() throws {
        let loop = try EventLoop()
        let mailbox = try LoopMailbox<(thread: Int, number: Int)>()
        var seen: [Int: [Int]] = [:]
        var count = 0
        try mailbox.attach(to: loop) { message in
            seen[message.thread, default: []].append(message.number)
            count += 1
            if count == 4000 { loop.stop() }
        }
        let threads = try (0..<4).map { thread in
            try NativeThread.start("post-\(thread)") {
                for number in 0..<1000 { mailbox.post((thread, number)) }
            }
        }
        loop.run()
        for thread in threads { thread.join() }
        #expect(seen.keys.sorted() == [0, 1, 2, 3])
        #expect(seen.values.allSatisfy { $0 == Array(0..<1000) })
    }

    @Test("LoopMailbox: what was posted before the loop listened is delivered")
    func postedBefore() throws {
        let loop = try EventLoop()
        let mailbox = try LoopMailbox<String>()
        mailbox.post("early")
        var seen: [String] = []
        try mailbox.attach(to: loop) { seen.append($0) }
        loop.turn(atMost: 0)
        #expect(seen == ["early"])
    }

    @Test("LoopMailbox: a loop on another thread runs posted work there and stops when told")
    func loopOnAnotherThread() throws {
        let handle = Locked<LoopHandle?>(nil)
        let ran = Locked<[String]>([])
        let ready = try LoopMailbox<Bool>()
        let thread = try NativeThread.start("worker-with-a-long-name") {
            guard let loop = try? EventLoop() else { return ready.post(false) }
            handle.withLock { $0 = loop.handle }
            ready.post(true)
            loop.run()
        }
        let own = try EventLoop()
        try ready.attach(to: own) { _ in own.stop() }
        own.run()
        let worker = try #require(handle.withLock { $0 })
        worker.post {
            let file = FileDescriptor(owning: open("/proc/thread-self/comm", O_RDONLY))
            var name = [UInt8](repeating: 0, count: 32)
            let count = read(file.rawValue, &name, 32)
            let text = String(decoding: name.prefix(max(0, count - 1)), as: UTF8.self)
            ran.withLock { $0.append(text) }
        }
        worker.stop()
        thread.join()
        #expect(ran.withLock { $0 } == ["worker-with-a-l"])
    }

    @Test("LoopMailbox: a value under a lock loses no update between threads")
    func locked() throws {
        let total = Locked(0)
        let threads = try (0..<4).map { _ in
            try NativeThread.start("add") {
                for _ in 0..<5000 { total.withLock { $0 += 1 } }
            }
        }
        for thread in threads { thread.join() }
        #expect(total.withLock { $0 } == 20000)
    }
}
