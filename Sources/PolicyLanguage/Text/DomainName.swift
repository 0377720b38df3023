internal import Bytes
internal import Policy

/// Domain names as text.
public enum DomainName {
    /// Lower-cased A-labels, without the final dot; nil unless RFC 5321 §4.1.2 and RFC 1035 §2.3.4 allow it.
    public static func canonical(_ text: String) -> String? {
        let bytes = CanonicalName.domain(Array(text.utf8))
        let labels = bytes.split(separator: ASCII.dot, omittingEmptySubsequences: false)
        guard (1...253).contains(bytes.count), labels.allSatisfy(isLabel), let last = labels.last,
            !last.allSatisfy(ASCII.isDigit)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isLabel(_ label: ArraySlice<UInt8>) -> Bool {
        (1...63).contains(label.count) && label.first != ASCII.hyphen && label.last != ASCII.hyphen
            && label.allSatisfy { ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == ASCII.hyphen }
    }
}
