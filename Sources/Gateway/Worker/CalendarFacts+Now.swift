import Glibc
import Policy

extension CalendarFacts {
    /// The time of day in the process's time zone.
    static func now() -> CalendarFacts {
        var seconds = time(nil)
        var parts = tm()
        localtime_r(&seconds, &parts)
        let local = Int(seconds) + parts.tm_gmtoff
        let weekday = parts.tm_wday == 0 ? 7 : parts.tm_wday
        return CalendarFacts(
            day: Int32(clamping: local >= 0 ? local / 86_400 : 0), hour: UInt8(clamping: parts.tm_hour),
            weekday: UInt8(clamping: weekday))
    }
}
