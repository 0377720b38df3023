// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// What measures Portreeve and its peers; nothing in the product depends on it.
let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "portreeve", path: "..")],
    targets: [
        .target(name: "LoadTimer"),
        .executableTarget(
            name: "reeve-load", dependencies: ["LoadTimer", .product(name: "Engine", package: "portreeve")],
            swiftSettings: settings),
        .executableTarget(
            name: "hot-paths", dependencies: ["Deciding", .product(name: "Session", package: "portreeve")],
            swiftSettings: settings),
        .target(
            name: "Deciding", dependencies: [.product(name: "Session", package: "portreeve")], swiftSettings: settings),
        // A program of its own, since it is linked with an allocator that counts.
        .target(name: "AllocationCount"),
        .executableTarget(
            name: "decision-budget",
            dependencies: ["AllocationCount", "Deciding", .product(name: "Session", package: "portreeve")],
            swiftSettings: settings),
        .executableTarget(
            name: "limit-table",
            dependencies: [
                .product(name: "Engine", package: "portreeve"), .product(name: "Session", package: "portreeve"),
            ],
            swiftSettings: settings),
    ]
)
