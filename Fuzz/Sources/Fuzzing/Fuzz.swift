import CLibFuzzer
public import FuzzTargets
import Glibc

/// One input of `target`; a complaint ends the process, which makes libFuzzer keep the input.
public func fuzz(_ target: FuzzTarget, _ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let input = Array(UnsafeBufferPointer(start: data, count: size))
    guard let complaint = target.complaint(about: input) else { return 0 }
    let line = "\(target.rawValue): \(complaint)\n"
    _ = write(STDERR_FILENO, line, line.utf8.count)
    abort()
}

/// Runs libFuzzer with the command line's arguments; returns when it has finished.
public func run(_ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32) {
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    exit(LLVMFuzzerRunDriver(&count, &arguments, one))
}
