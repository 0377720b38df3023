import Glibc
import Reactor

/// Numbers messages and puts them where the options say; shared by the sink's thread and whoever asks for the count.
final class MessageShelf: Sendable {
    private let storage: MailSinkStorage
    private let count = Locked<UInt64>(0)

    init(_ storage: MailSinkStorage) {
        self.storage = storage
    }

    var taken: UInt64 { count.withLock { $0 } }

    /// Whether anybody will read the content.
    var wantsContent: Bool {
        if case .discard = storage { false } else { true }
    }

    /// The queue id of the message, or nil if it could not be written.
    func put(_ message: SunkMessage) -> String? {
        var message = message
        message.number = count.withLock { count in
            count += 1
            return count
        }
        switch storage {
        case .discard: break
        case .folder(let folder): return write(message, to: folder)
        case .handler(let handler): handler(message)
        }
        return message.id
    }

    /// Writes under the next number that no file has yet.
    private func write(_ message: SunkMessage, to folder: String) -> String? {
        var message = message
        while true {
            let file = open("\(folder)/\(message.id).eml", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            if file >= 0 {
                let descriptor = FileDescriptor(owning: file)
                return write(message.envelope + message.content, to: descriptor) ? message.id : nil
            }
            guard errno == EEXIST else { return nil }
            message.number = count.withLock { count in
                count += 1
                return count
            }
        }
    }

    private func write(_ bytes: [UInt8], to file: borrowing FileDescriptor) -> Bool {
        var written = 0
        while written < bytes.count {
            let n = bytes[written...].withUnsafeBytes { Glibc.write(file.rawValue, $0.baseAddress, $0.count) }
            if n < 0, errno == EINTR { continue }
            guard n > 0 else { return false }
            written += n
        }
        return true
    }
}
