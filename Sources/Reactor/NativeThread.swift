import CLinux
import Glibc

/// A thread of the process with a name.
public struct NativeThread: Sendable {
    private let id: pthread_t

    /// Starts a thread that runs `body` and ends with it.
    ///
    /// Call `Signals.blockAll` before the first.
    public static func start(_ name: String, _ body: sending @escaping () -> Void) throws(Errno) -> NativeThread {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var id = pthread_t()
        let code = pthread_create(&id, nil, threadMain, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw Errno(code)
        }
        return NativeThread(id: id)
    }

    /// Waits for the end of the thread; once, and not from itself.
    public func join() {
        pthread_join(id, nil)
    }
}

private final class Start {
    let name: String
    let body: () -> Void

    init(name: String, body: @escaping () -> Void) {
        self.name = name
        self.body = body
    }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
    _ = reeve_name_thread(start.name)
    start.body()
    return nil
}
