private import Glibc
internal import PolicyLanguage

extension FilePaths {
    /// What a path leads to, asked with the process's own rights.
    static func status(_ path: String) -> FileStatus {
        var info = stat()
        guard stat(path, &info) == 0 else { return errno == EACCES ? .unreadable : .missing }
        guard info.st_mode & S_IFMT == S_IFREG else { return .notAFile }
        return access(path, R_OK) == 0 ? .readable : .unreadable
    }
}
