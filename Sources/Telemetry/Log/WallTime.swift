import Glibc

/// A moment by the wall clock, for people to read; nothing is ever decided by it.
public struct WallTime: Hashable, Sendable {
    /// Since 1970-01-01T00:00:00Z, without leap seconds.
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    public static func now() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    var seconds: Int { Int(nanoseconds / 1_000_000_000) }
}

extension WallTime {
    /// `2026-11-21T19:38:25.123Z` (RFC 3339).
    var rfc3339: String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        let date = "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))"
        let milliseconds = Int32(truncatingIfNeeded: nanoseconds / 1_000_000 % 1000)
        return "\(date)T\(clock(parts)).\(padded(milliseconds, width: 3))Z"
    }

    /// `Nov  1 19:38:25` in local time (RFC 3164 4.1.2), as syslog daemons write it.
    var syslog: String {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        var time = time_t(seconds)
        var parts = tm()
        localtime_r(&time, &parts)
        let month = months[Int(max(0, min(11, parts.tm_mon)))]
        return "\(month) \(padded(parts.tm_mday, with: " ")) \(clock(parts))"
    }

    private func clock(_ parts: tm) -> String {
        "\(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec))"
    }

    private func padded(_ number: Int32, width: Int = 2, with filler: Character = "0") -> String {
        let digits = String(number)
        return String(repeating: filler, count: max(0, width - digits.count)) + digits
    }
}
