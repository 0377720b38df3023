// swift-tools-version: 6.2
// The fuzzers: a package of its own, so that nobody who builds Portreeve builds them. `make fuzz` runs them.
// (SwiftPM tells local packages apart by their folders' names: a clone in a folder named "fuzz" cannot build this one.)
import PackageDescription

/// The raw values of `FuzzTarget`.
let targets = [
    "commands", "replies", "store", "data", "chunks", "proxy", "credentials", "configuration", "policy", "expression",
    "session",
]

let package = Package(
    name: "portreeve-fuzz",
    dependencies: [.package(name: "portreeve", path: "..")],
    targets: [
        .systemLibrary(name: "CLibFuzzer"),
        .target(
            name: "Fuzzing", dependencies: ["CLibFuzzer", .product(name: "FuzzTargets", package: "portreeve")]),
    ]
        + targets.map { name in
            .executableTarget(name: "fuzz-\(name)", dependencies: ["Fuzzing"], path: "Sources/Fuzzers/\(name)")
        }
)
