import Bytes
import Glibc
import Reactor

/// Addresses of a name, asked of the system on a thread of its own: a resolver that is slow holds up nobody's mail.
final class NameLookup {
    private let loop: EventLoop
    private var answer: (([IPAddress]) -> Void)?

    /// Calls `answer` once, on the loop and never from within, unless it is cancelled first.
    init(_ name: String, loop: EventLoop, _ answer: @escaping ([IPAddress]) -> Void) {
        (self.loop, self.answer) = (loop, answer)
        let desk = Desk(self)
        let handle = loop.handle
        let lookUp: @Sendable () -> Void = {
            let found = Self.addresses(of: name)
            handle.post { desk.deliver(found) }
        }
        do throws(Errno) {
            desk.thread = try NativeThread.start("store-name") { lookUp() }
        } catch {
            handle.post { desk.deliver([]) }
        }
    }

    func cancel() {
        answer = nil
    }

    /// Crosses to the thread and back, and is only opened on the loop.
    private final class Desk: @unchecked Sendable {
        private var lookup: NameLookup?
        var thread: NativeThread?

        init(_ lookup: NameLookup) {
            self.lookup = lookup
        }

        /// The thread has nothing left to do but end.
        func deliver(_ found: [IPAddress]) {
            thread?.join()
            let answer = lookup?.answer
            lookup?.answer = nil
            lookup = nil
            answer?(found)
        }
    }

    private static func addresses(of name: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        var next = list
        while let entry = next {
            if let address = entry.pointee.ai_addr.flatMap({ numeric($0, entry.pointee.ai_addrlen) }),
                !found.contains(address)
            {
                found.append(address)
            }
            next = entry.pointee.ai_next
        }
        return found
    }

    private static func numeric(_ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> IPAddress? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        guard getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else {
            return nil
        }
        // A link-local address carries its interface behind a percent sign.
        return IPAddress(text.prefix { $0 != 0 && $0 != 0x25 }.map { UInt8(bitPattern: $0) })
    }
}
