import Glibc

/// The operator's terminal, or the journal.
enum StandardError {
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        // A closed stderr is nobody to tell it to.
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
