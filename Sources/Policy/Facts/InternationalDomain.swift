import Bytes
import CIDN2

/// Domains with letters beyond ASCII, which stand for a form in ASCII (RFC 5890): libidn2 finds it.
public enum InternationalDomain {
    /// Octets of a domain name at most (RFC 1035 section 2.3.4).
    private static let longestName = 255
    /// UTF-8 text longer than that is no such name.
    private static let longestText = 1024

    /// `xn--mnchen-3ya.example` of `münchen.example`; nil for what is no domain name.
    public static func ascii(_ domain: [UInt8]) -> [UInt8]? {
        guard domain.count <= longestText, !domain.contains(ASCII.nul) else { return nil }
        let text = domain + [ASCII.nul]
        var result = [UInt8](repeating: 0, count: longestName)
        let count = unsafe text.withUnsafeBufferPointer { text in
            unsafe result.withUnsafeMutableBufferPointer { result in
                unsafe reeve_domain_to_ascii(text.baseAddress, result.baseAddress, result.count)
            }
        }
        return count > 0 ? Array(result.prefix(Int(count))) : nil
    }
}
