import Bytes
import CLinux
import Glibc

/// The kernel's form of an address, and the ways in and out of it.
struct SocketAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    init() {}

    /// An IPv4 address becomes AF_INET, everything else AF_INET6.
    init(_ endpoint: Endpoint) {
        if endpoint.address.isV4 {
            var v4 = sockaddr_in()
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = endpoint.port.bigEndian
            v4.sin_addr.s_addr = endpoint.address.v4Bits.bigEndian
            store(v4)
        } else {
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = endpoint.port.bigEndian
            let halves = (endpoint.address.high.bigEndian, endpoint.address.low.bigEndian)
            withUnsafeMutableBytes(of: &v6.sin6_addr) { to in
                withUnsafeBytes(of: halves) { to.copyMemory(from: $0) }
            }
            store(v6)
        }
    }

    /// A path of the file system; throws ENAMETOOLONG above 107 octets and EINVAL for a NUL.
    init(path: String) throws(Errno) {
        var local = sockaddr_un()
        local.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, !bytes.contains(0) else { throw .invalid }
        guard bytes.count < MemoryLayout.size(ofValue: local.sun_path) else { throw .nameTooLong }
        withUnsafeMutableBytes(of: &local.sun_path) { $0.copyBytes(from: bytes) }
        store(local)
    }

    /// The address and port; nil for a family that has none.
    ///
    /// A v4-mapped address is IPv4.
    var endpoint: Endpoint? {
        switch Int32(storage.ss_family) {
        case AF_INET:
            let v4 = load(sockaddr_in.self)
            let address = IPAddress(v4: UInt32(bigEndian: v4.sin_addr.s_addr))
            return Endpoint(address: address, port: UInt16(bigEndian: v4.sin_port))
        case AF_INET6:
            let v6 = load(sockaddr_in6.self)
            let (high, low) = withUnsafeBytes(of: v6.sin6_addr) {
                ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            let address = IPAddress(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
            return Endpoint(address: address, port: UInt16(bigEndian: v6.sin6_port))
        default:
            return nil
        }
    }

    var family: Int32 { Int32(storage.ss_family) }

    /// Calls a function that reads the address.
    func reading<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafeBytes(of: storage) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { body($0.baseAddress.unsafelyUnwrapped, length) }
        }
    }

    /// Calls a function that fills the address in.
    mutating func filling<Result>(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &length) { length in
            withUnsafeMutableBytes(of: &storage) { bytes in
                bytes.withMemoryRebound(to: sockaddr.self) { body($0.baseAddress.unsafelyUnwrapped, length) }
            }
        }
    }

    private mutating func store<Address>(_ address: Address) {
        length = socklen_t(MemoryLayout<Address>.size)
        withUnsafeMutableBytes(of: &storage) { to in
            withUnsafeBytes(of: address) { to.copyMemory(from: $0) }
        }
    }

    private func load<Address>(_: Address.Type) -> Address {
        withUnsafeBytes(of: storage) { $0.loadUnaligned(as: Address.self) }
    }
}
