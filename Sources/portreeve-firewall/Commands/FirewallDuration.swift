import ArgumentParser
import PolicyLanguage

/// A duration as policies write them.
struct FirewallDuration: ExpressibleByArgument {
    let seconds: UInt64

    init?(argument: String) {
        guard let nanoseconds = Units.duration(argument) else { return nil }
        seconds = nanoseconds / 1_000_000_000
    }
}
