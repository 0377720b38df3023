// Learns which name a login tried, so that policy, limits and logs can use it. The password is never kept.

import Bytes

/// The names in a client's response.
public struct LearntName: Equatable, Sendable {
    /// Who authenticates: 1 to 255 octets of UTF-8 without control characters.
    public let authcid: [UInt8]
    /// On whose behalf, if that was said; same bounds.
    public let authzid: [UInt8]?

    init?(_ authcid: some Collection<UInt8>, authzid: some Collection<UInt8> = []) {
        guard !authcid.isEmpty, let authcid = Self.checked(authcid), let authzid = Self.checked(authzid) else {
            return nil
        }
        self.authcid = authcid
        self.authzid = authzid.isEmpty ? nil : authzid
    }

    private static func checked(_ name: some Collection<UInt8>) -> [UInt8]? {
        let bytes = Array(name)
        return bytes.count <= 255 && UTF8Text.isPrintable(bytes) ? bytes : nil
    }
}

public enum LoginLearner {
    /// The name in `response`, a decoded client message; nil if the message is not what the mechanism prescribes.
    ///
    /// It is the first message of PLAIN, SCRAM, XOAUTH2 and OAUTHBEARER, and the answer to the first challenge of LOGIN
    /// (the user name) and CRAM-MD5.
    public static func learn(_ mechanism: AuthMechanism, from response: [UInt8]) -> LearntName? {
        switch mechanism {
        case .plain: plain(response)
        case .login: LearntName(response)
        case .cramMD5: cramMD5(response)
        case .scramSHA1, .scramSHA256, .scramSHA512: scram(response)
        case .xoauth2: xoauth2(response)
        case .oauthbearer: oauthbearer(response)
        }
    }

    /// RFC 4616 2: `[authzid] NUL authcid NUL passwd`.
    private static func plain(_ message: [UInt8]) -> LearntName? {
        let parts = message.split(separator: ASCII.nul, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[2].isEmpty else { return nil }
        return LearntName(parts[1], authzid: parts[0])
    }

    /// RFC 2195 2: the name, a space, 32 hexadecimal digits; the name may hold spaces.
    private static func cramMD5(_ message: [UInt8]) -> LearntName? {
        guard let space = message.lastIndex(of: ASCII.space) else { return nil }
        let digest = message[(space + 1)...]
        guard digest.count == 32, digest.allSatisfy(isHexDigit) else { return nil }
        return LearntName(message[..<space])
    }

    /// RFC 5802 7: `gs2-header n=name,r=nonce[,…]`.
    private static func scram(_ message: [UInt8]) -> LearntName? {
        guard let (authzid, rest) = gs2Header(message) else { return nil }
        let attributes = rest.split(separator: ASCII.comma, omittingEmptySubsequences: false)
        guard attributes.count >= 2, attributes[0].starts(with: [0x6E, ASCII.equals]),
            attributes[1].starts(with: [0x72, ASCII.equals]), attributes[1].count > 2,
            let name = saslName(attributes[0].dropFirst(2))
        else { return nil }
        return LearntName(name, authzid: authzid)
    }

    /// RFC 5801 4, without channel binding: `n,` or `y,`, then `[a=authzid],`.
    private static func gs2Header(_ message: [UInt8]) -> (authzid: [UInt8], rest: ArraySlice<UInt8>)? {
        let parts = message.split(separator: ASCII.comma, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == [0x6E] || parts[0] == [0x79] else { return nil }
        if parts[1].isEmpty { return ([], parts[2]) }
        guard parts[1].starts(with: [0x61, ASCII.equals]), let name = saslName(parts[1].dropFirst(2)), !name.isEmpty
        else { return nil }
        return (name, parts[2])
    }

    /// `=2C` is a comma, `=3D` an equals sign, any other `=` an error.
    private static func saslName(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var name: [UInt8] = []
        var rest = text
        while let octet = rest.popFirst() {
            guard octet == ASCII.equals else {
                name.append(octet)
                continue
            }
            if rest.starts(with: [0x32, 0x43]) {
                name.append(ASCII.comma)
            } else if rest.starts(with: [0x33, 0x44]) {
                name.append(ASCII.equals)
            } else {
                return nil
            }
            rest = rest.dropFirst(2)
        }
        return name
    }

    /// `user=name ^A auth=Bearer token ^A ^A`.
    private static func xoauth2(_ message: [UInt8]) -> LearntName? {
        let parts = message.split(separator: 0x01, omittingEmptySubsequences: false)
        guard parts.count >= 4, parts.suffix(2).allSatisfy(\.isEmpty), hasBearer(parts),
            parts[0].starts(with: Array("user=".utf8))
        else { return nil }
        return LearntName(parts[0].dropFirst(5))
    }

    /// RFC 7628 3.1: `n,a=name, ^A key=value … ^A auth=Bearer token ^A ^A`; without `a=` only the token knows the name.
    private static func oauthbearer(_ message: [UInt8]) -> LearntName? {
        guard let (name, rest) = gs2Header(message) else { return nil }
        let parts = rest.split(separator: 0x01, omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].isEmpty, parts.suffix(2).allSatisfy(\.isEmpty), hasBearer(parts) else {
            return nil
        }
        return LearntName(name)
    }

    private static func hasBearer(_ parts: [ArraySlice<UInt8>]) -> Bool {
        let key: [UInt8] = Array("auth=bearer ".utf8)
        return parts.contains { $0.count > key.count && $0.prefix(key.count).map(ASCII.lowercased) == key }
    }

    private static func isHexDigit(_ octet: UInt8) -> Bool {
        ASCII.isDigit(octet) || (0x61...0x66).contains(ASCII.lowercased(octet))
    }
}
