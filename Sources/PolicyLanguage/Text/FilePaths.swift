private import Glibc

/// Paths as text, and the few questions about files that loading asks.
public enum FilePaths {
    /// The path below `directory` unless it is absolute, without `.` and empty parts.
    public static func absolute(_ path: String, in directory: String) -> String {
        let full = path.hasPrefix("/") ? path : directory + "/" + path
        return "/" + full.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    /// The absolute directory that holds a file.
    public static func directory(of path: String) -> String {
        let full = absolute(path, in: current)
        let parts = full.split(separator: "/").dropLast()
        return "/" + parts.joined(separator: "/")
    }

    /// The number of a user of this machine.
    static func user(_ name: String) -> UInt32? {
        getpwnam(name)?.pointee.pw_uid
    }

    public static var current: String {
        guard let buffer = getcwd(nil, 0) else { return "/" }
        defer { free(buffer) }
        return String(cString: buffer)
    }

    /// Whether anything is there, even if this user may not read it.
    public static func exists(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 || errno != ENOENT
    }

    /// The octets of a regular file, at most `limit` and a block of them; nil if it cannot be read.
    public static func content(_ path: String, limit: Int) -> [UInt8]? {
        var info = stat()
        guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
        return read(path, limit: limit)
    }

    /// The names in a directory, sorted; none if it cannot be read.
    public static func entries(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// Puts a new content in the place of a file's, whole or not at all; its mode stays.
    public static func replace(_ path: String, with bytes: [UInt8]) -> Bool {
        var info = stat()
        let mode = stat(path, &info) == 0 ? info.st_mode & 0o777 : 0o644
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { return false }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        let isWritten = rest.isEmpty && fsync(descriptor) == 0
        close(descriptor)
        return isWritten && rename(temporary, path) == 0
    }

    /// Whether it is a directory.
    public static func isDirectory(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }

    /// The octets of a file, at most `limit` + 1 of them; nil if it cannot be read.
    public static func read(_ path: String, limit: Int) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var result: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65536)
        while result.count <= limit {
            let count = Glibc.read(descriptor, &block, block.count)
            if count == 0 { return result }
            if count < 0 {
                guard errno == EINTR else { return nil }
            } else {
                result += block[..<count]
            }
        }
        return result
    }
}
