import Glibc

/// Where the lines of one log go; only the writer thread touches it.
protocol LogSink: AnyObject {
    /// Puts what the destination wants around a line at the end of `buffer`.
    func frame(_ line: borrowing LogLine, at time: WallTime, into buffer: inout [UInt8])

    /// Writes framed lines and returns how many of them were taken.
    func write(_ buffer: [UInt8]) -> Int

    /// Opens the destination by its name again; false if that failed and the old one is still in use.
    func reopen() -> Bool
}

/// A file or standard error, written with as few calls as the lines allow.
final class DescriptorSink: LogSink {
    /// What one write to something other than a file may hold and never block once poll said there is room.
    private static let pipeChunk = 4096
    /// How long a reader of ours may be stuck before its lines are lost (milliseconds).
    private static let patience: Int32 = 1000

    private let path: String?
    private let prefix: SyslogPrefix?
    private var descriptor: Int32
    private var isFile = false
    /// False after a write stopped inside a line: the next one must not continue it.
    private var isAtLineStart = true

    /// Appends to the file at `path`, made with mode 0640 if it is missing.
    init(path: String, prefix: SyslogPrefix?) throws(LogError) {
        self.path = path
        self.prefix = prefix
        descriptor = Self.open(path)
        guard descriptor >= 0 else { throw LogError.cannotOpen(path: path, errno: errno) }
        isFile = Self.isRegular(descriptor)
    }

    /// Writes to a descriptor that somebody else owns.
    init(descriptor: Int32) {
        path = nil
        prefix = nil
        self.descriptor = descriptor
        isFile = Self.isRegular(descriptor)
    }

    deinit {
        if path != nil { close(descriptor) }
    }

    func frame(_ line: borrowing LogLine, at time: WallTime, into buffer: inout [UInt8]) {
        if let prefix { buffer += prefix.text(at: time, withHost: true) }
        line.end(into: &buffer)
    }

    func write(_ buffer: [UInt8]) -> Int {
        var written = 0
        if !isAtLineStart, put([0x0A], from: 0) == 1 { isAtLineStart = true }
        while isAtLineStart || written > 0, written < buffer.count {
            let count = put(buffer, from: written)
            guard count > 0 else { break }
            written += count
            isAtLineStart = buffer[written - 1] == 0x0A
        }
        return buffer.withUnsafeBytes { Self.ends(in: UnsafeRawBufferPointer(rebasing: $0[..<written])) }
    }

    func reopen() -> Bool {
        guard let path else { return true }
        let fresh = Self.open(path)
        guard fresh >= 0 else { return false }
        close(descriptor)
        descriptor = fresh
        isFile = Self.isRegular(fresh)
        isAtLineStart = true
        return true
    }

    /// One write; 0 when nothing could be written.
    private func put(_ buffer: [UInt8], from start: Int) -> Int {
        let end = isFile ? buffer.count : min(buffer.count, start + Self.pipeChunk)
        while true {
            guard isFile || hasRoom() else { return 0 }
            let count = buffer.withUnsafeBytes { Glibc.write(descriptor, $0[start..<end].baseAddress(), end - start) }
            if count >= 0 || errno != EINTR && (errno != EAGAIN || isFile) { return max(0, count) }
        }
    }

    /// How many lines end in it.
    private static func ends(in octets: UnsafeRawBufferPointer) -> Int {
        guard var place = octets.baseAddress else { return 0 }
        let end = place + octets.count
        var ends = 0
        while let found = memchr(place, 0x0A, end - place) {
            ends += 1
            place = UnsafeRawPointer(found) + 1
        }
        return ends
    }

    private func hasRoom() -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&request, 1, Self.patience) == 1
    }

    private static func open(_ path: String) -> Int32 {
        Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o640)
    }

    private static func isRegular(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
}

extension Slice<UnsafeRawBufferPointer> {
    fileprivate func baseAddress() -> UnsafeRawPointer? {
        UnsafeRawBufferPointer(rebasing: self).baseAddress
    }
}

/// What stands before a line in a file of a syslog daemon: `Nov 21 19:38:25 host ident[pid]: `.
final class SyslogPrefix {
    private let host: String
    private let ident: String
    private let process = getpid()
    private let clock = TimeText()
    private var last = (second: Int.min, withHost: false, text: [UInt8]())

    /// `ident` is ours (`postfix-portreeve/smtpd`).
    init(ident: String) {
        self.ident = ident
        var name = [CChar](repeating: 0, count: 256)
        let got = gethostname(&name, name.count - 1)
        let label = name.lazy.map { UInt8(bitPattern: $0) }.prefix { $0 > 0x20 && $0 != 0x2E }
        host = got == 0 && !label.isEmpty ? String(decoding: label, as: UTF8.self) : "localhost"
    }

    /// Lines come in bunches: the text is made once a second.
    func text(at time: WallTime, withHost: Bool) -> [UInt8] {
        if last.second != time.seconds || last.withHost != withHost {
            let text = "\(clock.syslog(time)) \(withHost ? host + " " : "")\(ident)[\(process)]: "
            last = (time.seconds, withHost, Array(text.utf8))
        }
        return last.text
    }
}
