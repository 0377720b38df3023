/// The parts of the format that this build does not have yet.
///
/// Naming one is an error, never ignored; a later version that has it removes its row and adds its keys.
struct AbsentPart: Sendable {
    /// The section that the key stands in.
    let section: String
    let key: String
    /// Only values that begin so are absent; empty: the key itself is.
    let valuePrefix: String
    let instead: String

    static let all: [AbsentPart] = [
        AbsentPart("", "history", instead: "remove it; decisions are in the log"),
        AbsentPart("admin", "listen", instead: "remove it; use 'socket' and the commands"),
        AbsentPart("backends.NAME", "auth", "dovecot:", instead: "use 'relay'"),
        AbsentPart("backends.NAME", "auth", "file:", instead: "use 'relay'"),
    ]

    private init(_ section: String, _ key: String, _ valuePrefix: String = "", instead: String) {
        self.section = section
        self.key = key
        self.valuePrefix = valuePrefix
        self.instead = instead
    }

    /// The row that makes a whole key absent.
    static func key(_ key: String, in section: String) -> AbsentPart? {
        all.first { $0.section == section && $0.key == key && $0.valuePrefix.isEmpty }
    }

    /// The row that makes a value absent.
    static func value(_ value: String, of key: String, in section: String) -> AbsentPart? {
        all.first {
            $0.section == section && $0.key == key && !$0.valuePrefix.isEmpty && value.hasPrefix($0.valuePrefix)
        }
    }
}
