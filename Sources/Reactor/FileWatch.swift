import CLinux
import Glibc

/// Tells when something under one of some directories changed: certificates, lists, policies.
///
/// It watches directories, not files, because renewals replace files and symbolic links by rename, and it says which
/// directory changed rather than which name, because a link may point to anywhere. Several changes at once are one call.
public final class FileWatch: EventHandler {
    private static let mask = UInt32(
        IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
    )

    private let descriptor: FileDescriptor
    private let changed: ([String]) -> Void
    private var directories: [Int32: String] = [:]

    /// Calls `changed` on the loop's thread with the directories that saw a change.
    public init(on loop: EventLoop, _ changed: @escaping ([String]) -> Void) throws(Errno) {
        descriptor = FileDescriptor(owning: try retrying { reeve_inotify() })
        self.changed = changed
        _ = try loop.register(descriptor.rawValue, self)
    }

    /// Watches `directory` from now on; a second call for one that is watched, or was removed and is back, is fine.
    public func watch(directory: String) throws(Errno) {
        let id = inotify_add_watch(descriptor.rawValue, directory, Self.mask)
        guard id >= 0 else { throw .last }
        directories[id] = directory
    }

    /// Watches the directory that `file` lies in.
    public func watch(directoryOf file: String) throws(Errno) {
        guard let slash = file.lastIndex(of: "/") else { return try watch(directory: ".") }
        try watch(directory: slash == file.startIndex ? "/" : String(file[..<slash]))
    }

    public func ready(_ readiness: Readiness, tag: UInt32) {
        var seen: Set<String> = []
        while readBatch(into: &seen) {}
        if !seen.isEmpty { changed(seen.sorted()) }
    }

    private func readBatch(into seen: inout Set<String>) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
            let count = Glibc.read(descriptor.rawValue, buffer.baseAddress, buffer.count)
            guard count > 0 else { return false }
            let header = MemoryLayout<inotify_event>.size
            var offset = 0
            while offset + header <= count {
                let event = buffer.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                note(event, into: &seen)
                offset += header + Int(event.len)
            }
            return true
        }
    }

    private func note(_ event: inotify_event, into seen: inout Set<String>) {
        if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
            // The kernel lost events: anything may have changed.
            seen.formUnion(directories.values)
        } else if let directory = directories[event.wd] {
            seen.insert(directory)
            if event.mask & UInt32(IN_IGNORED) != 0 { directories[event.wd] = nil }
        }
    }
}
