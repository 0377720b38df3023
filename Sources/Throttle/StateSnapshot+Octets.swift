import Bytes

/// Why octets are no snapshot.
public enum StateFault: Error, Hashable, Sendable, CustomStringConvertible {
    case notState
    /// Written by another version.
    case version(UInt64)
    /// Cut off, or changed by somebody else than us.
    case damaged

    public var description: String {
        switch self {
        case .notState: "not a state file"
        case .version(let version): "a state file of version \(version), which this program does not read"
        case .damaged: "damaged: its checksum does not fit its content"
        }
    }
}

// The form: "PRTRVST" and a version, one octet; then numbers of eight octets, the lowest first, and texts as their
// length and their octets; at the end the checksum of all before it.
extension StateSnapshot {
    static let magic = Array("PRTRVST".utf8)
    static let version: UInt8 = 1

    public var octets: [UInt8] {
        var writer = OctetWriter()
        writer.octets.reserveCapacity(64 + buckets.count * 64 + (bans.count + logins.count) * 96)
        writer.octets += Self.magic
        writer.octets.append(Self.version)
        writer.put(UInt64(bitPattern: savedAt))
        writer.put(UInt64(buckets.count))
        for bucket in buckets {
            writer.put(bucket.name.family)
            writer.put(bucket.name.key)
            writer.put(bucket.owed)
        }
        writer.put(UInt64(bans.count))
        for ban in bans { writer.put(ban) }
        writer.put(UInt64(logins.count))
        for login in logins {
            writer.put(login.user)
            writer.put(login.net)
            writer.put(login.age)
        }
        writer.put(Self.checksum(writer.octets[...]))
        return writer.octets
    }

    public init(octets: [UInt8]) throws(StateFault) {
        guard octets.starts(with: Self.magic), octets.count > Self.magic.count else { throw .notState }
        guard octets[Self.magic.count] == Self.version else { throw .version(UInt64(octets[Self.magic.count])) }
        guard octets.count >= Self.magic.count + 9 else { throw .damaged }
        var trailer = OctetReader(octets: octets[(octets.count - 8)...])
        guard trailer.number() == Self.checksum(octets.dropLast(8)) else { throw .damaged }
        var reader = OctetReader(octets: octets[(Self.magic.count + 1)..<(octets.count - 8)])
        guard let snapshot = reader.snapshot(), reader.octets.isEmpty else { throw .damaged }
        self = snapshot
    }

    /// FNV-1a over eight octets at a time: it finds accidents, not forgers, who could as well replace the file.
    static func checksum(_ octets: ArraySlice<UInt8>) -> UInt64 {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        var word: UInt64 = 0
        for (place, octet) in octets.enumerated() {
            word = word << 8 | UInt64(octet)
            if place & 7 == 7 { sum = (sum ^ word) &* 0x100_0000_01B3 }
        }
        return ((sum ^ word) &* 0x100_0000_01B3) ^ UInt64(octets.count)
    }
}

private struct OctetWriter {
    var octets: [UInt8] = []

    mutating func put(_ number: UInt64) {
        for place in 0..<8 { octets.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(place)))) }
    }

    mutating func put(_ text: [UInt8]) {
        put(UInt64(text.count))
        octets += text
    }

    mutating func put(_ net: AddressPrefix) {
        put(net.address.high)
        put(net.address.low)
        put(UInt64(net.length))
    }

    mutating func put(_ ban: StateSnapshot.Ban) {
        switch ban.subject {
        case .net(let net):
            put(0)
            put(net)
        case .user(let user):
            put(1)
            put(user)
        }
        put(ban.age)
        put(ban.left)
        put(Array(ban.reason.utf8))
        put((ban.isManual ? 1 : 0) | (ban.isProxied ? 2 : 0))
    }
}

/// Answers nil for whatever is not there; lengths are believed only as far as octets follow.
private struct OctetReader {
    var octets: ArraySlice<UInt8>

    mutating func number() -> UInt64? {
        guard octets.count >= 8 else { return nil }
        var number: UInt64 = 0
        for (place, octet) in octets.prefix(8).enumerated() { number |= UInt64(octet) << (8 * UInt64(place)) }
        octets = octets.dropFirst(8)
        return number
    }

    mutating func text() -> [UInt8]? {
        guard let count = number(), count <= UInt64(octets.count) else { return nil }
        defer { octets = octets.dropFirst(Int(count)) }
        return Array(octets.prefix(Int(count)))
    }

    mutating func net() -> AddressPrefix? {
        guard let high = number(), let low = number(), let length = number(), length <= 128 else { return nil }
        return AddressPrefix(IPAddress(high: high, low: low), length: Int(length))
    }

    mutating func snapshot() -> StateSnapshot? {
        guard let savedAt = number() else { return nil }
        var snapshot = StateSnapshot(savedAt: Int64(bitPattern: savedAt))
        guard let buckets = list({ $0.bucket() }), let bans = list({ $0.ban() }), let logins = list({ $0.login() })
        else { return nil }
        snapshot.buckets = buckets
        snapshot.bans = bans
        snapshot.logins = logins
        return snapshot
    }

    private mutating func list<Item>(_ next: (inout OctetReader) -> Item?) -> [Item]? {
        guard let count = number() else { return nil }
        var items: [Item] = []
        var left = count
        while left > 0 {
            guard let item = next(&self) else { return nil }
            items.append(item)
            left -= 1
        }
        return items
    }

    private mutating func bucket() -> StateSnapshot.Bucket? {
        guard let family = number(), let key = text(), let owed = number() else { return nil }
        return StateSnapshot.Bucket(name: BucketName(family: family, key: key), owed: owed)
    }

    private mutating func login() -> StateSnapshot.GoodLogin? {
        guard let user = text(), let net = net(), let age = number() else { return nil }
        return StateSnapshot.GoodLogin(user: user, net: net, age: age)
    }

    private mutating func ban() -> StateSnapshot.Ban? {
        let subject: BanSubject
        switch number() {
        case 0:
            guard let net = net() else { return nil }
            subject = .net(net)
        case 1:
            guard let user = text() else { return nil }
            subject = .user(user)
        case _: return nil
        }
        guard let age = number(), let left = number(), let reason = text(), let flags = number() else { return nil }
        return StateSnapshot.Ban(
            subject: subject, age: age, left: left, reason: String(decoding: reason, as: UTF8.self),
            isManual: flags & 1 != 0, isProxied: flags & 2 != 0)
    }
}
