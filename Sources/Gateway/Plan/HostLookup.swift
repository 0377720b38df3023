import Bytes
import Glibc

/// Addresses of a backend's name, asked of the system once per load of the configuration.
enum HostLookup {
    static func addresses(of name: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        var next = list
        while let entry = next {
            if let address = address(entry.pointee), !found.contains(address) { found.append(address) }
            next = entry.pointee.ai_next
        }
        return found
    }

    private static func address(_ entry: addrinfo) -> IPAddress? {
        entry.ai_addr.flatMap { numeric($0, entry.ai_addrlen) }
    }

    fileprivate static func numeric(_ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> IPAddress? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        guard getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else {
            return nil
        }
        // A link-local address carries its interface behind a percent sign.
        return IPAddress(text.prefix { $0 != 0 && $0 != 0x25 }.map { UInt8(bitPattern: $0) })
    }
}

/// The addresses of this machine's interfaces.
enum OwnAddresses {
    static var all: [IPAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: [IPAddress] = []
        var next = list
        while let entry = next {
            if let address = entry.pointee.ifa_addr.flatMap(ip), !found.contains(address) { found.append(address) }
            next = entry.pointee.ifa_next
        }
        return found
    }

    private static func ip(_ address: UnsafeMutablePointer<sockaddr>) -> IPAddress? {
        switch Int32(address.pointee.sa_family) {
        case AF_INET: HostLookup.numeric(address, socklen_t(MemoryLayout<sockaddr_in>.size))
        case AF_INET6: HostLookup.numeric(address, socklen_t(MemoryLayout<sockaddr_in6>.size))
        case _: nil
        }
    }
}
