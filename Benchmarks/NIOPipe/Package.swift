// swift-tools-version: 6.2
import PackageDescription

/// A line-scanning TCP pipe on SwiftNIO: what the engine decision is compared with.
///
/// A package of its own, so that the other measurements build without SwiftNIO.
let package = Package(
    name: "nio-pipe",
    dependencies: [.package(url: "https://github.com/apple/swift-nio", exact: "2.101.2")],
    targets: [
        .executableTarget(
            name: "nio-pipe",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)])
    ]
)
