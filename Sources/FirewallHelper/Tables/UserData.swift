import CNetfilter
import FirewallPlan

/// The notes that nft keeps beside an object and the kernel stores unread: type, length, value, again and again.
///
/// `nft list` shows our comments through them.
struct UserData {
    private(set) var octets: [UInt8] = []

    mutating func add(_ type: UInt32, _ value: [UInt8]) {
        guard value.count <= 255 else { return }
        octets += [UInt8(truncatingIfNeeded: type), UInt8(value.count)] + value
    }

    mutating func add(_ type: UInt32, _ value: UInt32) {
        add(type, withUnsafeBytes(of: value) { Array($0) })
    }

    /// Adds `text` with its final zero, cut where the kernel's bound is; an empty one is left out.
    mutating func add(_ type: UInt32, comment text: String) {
        guard !text.isEmpty else { return }
        add(type, Array(text.utf8.prefix(Rule.longestComment)) + [0])
    }
}

extension UserData {
    /// The first value of `type` in what was read back; nil if there is none or the notes are damaged.
    static func value(_ type: UInt32, in octets: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var at = 0
        while at + 2 <= octets.count {
            let end = at + 2 + Int(octets[at + 1])
            guard end <= octets.count else { return nil }
            if octets[at] == UInt8(truncatingIfNeeded: type) { return .init(rebasing: octets[(at + 2)..<end]) }
            at = end
        }
        return nil
    }

    static func comment(_ type: UInt32, in octets: UnsafeRawBufferPointer) -> String {
        value(type, in: octets).map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } ?? ""
    }
}
