import Bytes
import Foundation
import Policy
import Reactor
import Testing

@testable import Telemetry

@Suite("The decision log")
struct DecisionLogTests {
    @Test("Records come out in order, and flush waits for them")
    func order() throws {
        let sink = MemorySink()
        let log = try DecisionLog(sink: sink, format: .postfix, capacity: 100, clock: { moment })
        for number in 1...50 { log.record(session(), .lostConnection(after: "N\(number)"), at: moment) }
        log.flush()
        #expect(sink.text == (1...50).map { "lost connection after N\($0) from unknown[203.0.113.7]" })
        #expect(log.statistics.written == 50)
        #expect(log.statistics.dropped == 0)
        log.stop()
    }

    @Test("A stuck writer drops what is beyond the bound, without blocking, and says so afterwards")
    func bound() throws {
        let sink = MemorySink()
        sink.close()
        let log = try DecisionLog(sink: sink, format: .postfix, capacity: 4, clock: { moment })
        log.record(session(), .lostConnection(after: "FIRST"), at: moment)
        sink.waitUntilEntered()
        for number in 1...10 { log.record(session(), .lostConnection(after: "N\(number)"), at: moment) }
        #expect(log.statistics.dropped == 7)
        sink.open()
        log.stop()
        let heads = sink.text.map { $0.prefix { $0 != "[" } }
        #expect(
            heads == [
                "lost connection after FIRST from unknown", "warning: 7 log records dropped",
                "lost connection after N1 from unknown", "lost connection after N2 from unknown",
                "lost connection after N3 from unknown",
            ])
        #expect(log.statistics.written == 4)
    }

    @Test("Lines that the destination does not take are counted and told once it takes some again")
    func lostLines() throws {
        let sink = MemorySink()
        let log = try DecisionLog(sink: sink, format: .json, capacity: 100, clock: { moment })
        sink.fails(true)
        for _ in 1...3 {
            log.record(session(), .timedOut(after: "DATA"), at: moment)
            log.flush()
        }
        #expect(log.statistics.lost == 3)
        #expect(sink.text.isEmpty)
        sink.fails(false)
        log.record(session(), .timedOut(after: "DATA"), at: moment)
        log.stop()
        #expect(sink.text.count == 2)
        #expect(
            sink.text.first == """
                {"@timestamp":"2026-11-21T19:38:25.123Z","log.level":"warn","event.action":"log-dropped",\
                "event.outcome":"failure","smtp.log.dropped":3}
                """)
        #expect(log.statistics.written == 1)
    }

    @Test("What an operator changes stands between the sessions' lines, and no word of it can end the line")
    func commands() throws {
        for (format, line) in [
            (LogFormat.postfix, "by command: banned 192.0.2.7/32 for 60 s: a\\x0Ab"),
            (
                .json,
                """
                {"@timestamp":"2026-11-21T19:38:25.123Z","log.level":"info","event.action":"command",\
                "event.outcome":"success","event.reason":"banned 192.0.2.7/32 for 60 s: a\\u000Ab"}
                """
            ),
        ] {
            let sink = MemorySink()
            let log = try DecisionLog(sink: sink, format: format, capacity: 16, clock: { moment })
            log.record(command: "banned 192.0.2.7/32 for 60 s: a\nb", at: moment)
            log.stop()
            #expect(sink.text == [line])
        }
    }

    @Test("Stop writes what waits, and what comes later is dropped; stopping twice is nothing")
    func stopping() throws {
        let sink = MemorySink()
        let log = try DecisionLog(sink: sink, format: .postfix, capacity: 100, clock: { moment })
        for _ in 1...20 { log.record(session(), .connected, at: moment) }
        log.stop()
        log.record(session(), .connected, at: moment)
        log.stop()
        log.flush()
        #expect(sink.text.count == 20)
        #expect(log.statistics.dropped == 1)
    }

    @Test("Reports without a line in this format are done with, too")
    func silentReports() throws {
        let sink = MemorySink()
        let log = try DecisionLog(sink: sink, format: .json, capacity: 2, clock: { moment })
        for _ in 1...5 {
            log.record(session(), .connected, at: moment)
            log.flush()
        }
        #expect(sink.text.isEmpty)
        #expect(log.statistics == LogStatistics())
        log.stop()
    }

    @Test("Several threads lose nothing but what is counted, and each keeps its order")
    func concurrency() async throws {
        let sink = MemorySink()
        let log = try DecisionLog(sink: sink, format: .postfix, capacity: 500, clock: { moment })
        let perThread = 2000
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask {
                    for number in 0..<perThread {
                        log.record(session(), .lostConnection(after: "T\(thread)N\(number)"), at: moment)
                    }
                }
            }
            group.addTask { for _ in 0..<20 { log.flush() } }
            group.addTask { for _ in 0..<20 { log.reopen() } }
        }
        log.stop()
        let statistics = log.statistics
        #expect(statistics.written + statistics.dropped == UInt64(4 * perThread))
        let words = sink.text.filter { $0.hasPrefix("lost") }.map { $0.split(separator: " ")[3] }
        #expect(words.count == Int(statistics.written))
        for thread in 0..<4 {
            let numbers = words.filter { $0.hasPrefix("T\(thread)N") }.compactMap { Int($0.dropFirst(3)) }
            #expect(numbers == numbers.sorted())
        }
    }
}

/// A destination in memory that can be shut or made to fail.
final class MemorySink: LogSink, @unchecked Sendable {
    private let lock = Lock()
    private let changed = Condition()
    private var lines: [String] = []
    private var isOpen = true
    private var isEntered = false
    private var isFailing = false

    var text: [String] { lock.withLock { lines } }

    func close() { lock.withLock { isOpen = false } }

    func fails(_ fails: Bool) { lock.withLock { isFailing = fails } }

    func open() {
        lock.withLock { isOpen = true }
        changed.wakeAll()
    }

    func waitUntilEntered() {
        lock.withLock { while !isEntered { changed.wait(lock) } }
    }

    func frame(_ line: borrowing LogLine, at time: WallTime, into buffer: inout [UInt8]) {
        line.end(into: &buffer)
    }

    func write(_ buffer: [UInt8]) -> Int {
        lock.withLock {
            isEntered = true
            changed.wakeAll()
            while !isOpen { changed.wait(lock) }
            if isFailing { return 0 }
            let fresh = buffer.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
            lines += fresh
            return fresh.count
        }
    }

    func reopen() -> Bool { true }
}
