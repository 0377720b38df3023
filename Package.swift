// swift-tools-version: 6.2
import PackageDescription

/// The language settings of every target.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// Run-time exclusivity checks cost half of a state machine's instructions; debug, sanitizer and simulation builds keep them.
///
/// Small functions are inlined over the borders of modules, so that modules cost nothing.
let dataPlane: [SwiftSetting] =
    strict + [
        .unsafeFlags(
            ["-enforce-exclusivity=unchecked", "-cross-module-optimization"], .when(configuration: .release))
    ]

/// Modules without sockets, clocks or Foundation, where every unsafe construct is spelt out.
let pure: [SwiftSetting] = dataPlane + [.strictMemorySafety()]

/// What a module is made of; its place in the list is its place in the layering (imports only point up the list).
let modules: [Target] = [
    .target(name: "CLinux", cSettings: [.treatAllWarnings(as: .error)]),
    .target(name: "COctets", cSettings: [.treatAllWarnings(as: .error)]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .target(name: "Bytes", swiftSettings: pure + [.enableExperimentalFeature("Lifetimes")]),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .systemLibrary(name: "CIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
    .target(
        name: "Policy", dependencies: ["Bytes", "CPCRE2", "CIDN2"],
        swiftSettings: pure + [.enableExperimentalFeature("Lifetimes")]),
    .target(name: "Throttle", dependencies: ["Bytes"], swiftSettings: pure),
    .target(name: "Diagnostics", swiftSettings: pure),
    .target(name: "Control", swiftSettings: pure),
    .target(name: "FirewallPlan", dependencies: ["Bytes"], swiftSettings: pure),
    .target(name: "SMTPWire", dependencies: ["Bytes", "COctets"], swiftSettings: pure),
    .target(name: "SMTPSession", dependencies: ["Bytes", "SMTPWire", "Policy"], swiftSettings: pure),
    .target(
        name: "Enforcement", dependencies: ["Bytes", "SMTPWire", "SMTPSession", "Policy", "Throttle"],
        swiftSettings: pure),
    .target(
        name: "PolicyLanguage",
        dependencies: [
            "Bytes", "Policy", "FirewallPlan", "Diagnostics", .product(name: "Yams", package: "Yams"),
        ],
        swiftSettings: strict),
    .target(
        name: "Configuration", dependencies: ["Bytes", "Policy", "FirewallPlan", "Diagnostics", "PolicyLanguage"],
        swiftSettings: strict),
    .target(
        name: "Rehearsal",
        dependencies: [
            "Bytes", "Diagnostics", "Enforcement", "FirewallPlan", "Policy", "PolicyLanguage", "SMTPSession",
            "SMTPWire",
            "Throttle",
        ],
        swiftSettings: strict),
    .target(name: "Reactor", dependencies: ["Bytes", "CLinux"], swiftSettings: dataPlane),
    .systemLibrary(
        name: "CNetfilter", pkgConfig: "libnftnl libmnl", providers: [.apt(["libnftnl-dev", "libmnl-dev"])]),
    .target(
        name: "FirewallHelper", dependencies: ["Bytes", "FirewallPlan", "Reactor", "CNetfilter"],
        swiftSettings: strict),
    .target(name: "TLSTransport", dependencies: ["Bytes", "Reactor", "COpenSSL"], swiftSettings: dataPlane),
    // Not by pkg-config, whose answer has a flag that SwiftPM complains of.
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    .target(
        name: "SharedStore", dependencies: ["Bytes", "Throttle", "Reactor", "TLSTransport", "CHiredis"],
        swiftSettings: dataPlane),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .target(name: "Telemetry", dependencies: ["Bytes", "Policy", "Reactor", "CCurl"], swiftSettings: dataPlane),
    .target(
        name: "Gateway",
        dependencies: [
            "Bytes", "SMTPWire", "SMTPSession", "Enforcement", "Policy", "Throttle", "Diagnostics", "Control",
            "FirewallPlan", "Configuration", "Reactor", "TLSTransport", "SharedStore", "Telemetry", "CLinux",
        ],
        swiftSettings: dataPlane),
    .target(
        name: "Operations",
        dependencies: [
            "Bytes", "Gateway", "Configuration", "Control", "SMTPWire", "Reactor", "TLSTransport", "Diagnostics",
        ],
        swiftSettings: strict),
    .executableTarget(
        name: "portreeve-firewall",
        dependencies: [
            "FirewallHelper", "FirewallPlan", "Configuration", "PolicyLanguage", "Diagnostics", "Reactor", "Bytes",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict),
    .executableTarget(
        name: "portreeve",
        dependencies: [
            "Operations", "Gateway", "Configuration", "Control", "Diagnostics", "Bytes", "Policy", "FirewallPlan",
            "PolicyLanguage", "Rehearsal",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: strict),
]

let tests: [Target] = [
    // What the fuzzers in Fuzz/ call; a test replays their findings through it.
    .target(
        name: "FuzzTargets",
        dependencies: [
            "Bytes", "SharedStore", "SMTPWire", "SMTPSession", "Enforcement", "Policy", "PolicyLanguage",
            "Configuration", "Diagnostics", "FirewallPlan", "Throttle",
        ],
        path: "Tests/FuzzTargets", swiftSettings: strict),
    .testTarget(name: "RegressionCorpusTests", dependencies: ["FuzzTargets"], swiftSettings: strict),
    .testTarget(name: "BytesTests", dependencies: ["Bytes"], swiftSettings: strict),
    .testTarget(name: "SMTPWireTests", dependencies: ["SMTPWire", "Bytes", "FuzzTargets"], swiftSettings: strict),
    .testTarget(name: "ReactorTests", dependencies: ["Bytes", "Reactor"], swiftSettings: strict),
    .testTarget(
        name: "FirewallHelperTests",
        dependencies: ["FirewallHelper", "FirewallPlan", "Bytes", "Reactor", "CNetfilter"],
        swiftSettings: strict),
    .testTarget(
        name: "TLSTransportTests", dependencies: ["Bytes", "Reactor", "TLSTransport", "COpenSSL"],
        swiftSettings: strict),
    .testTarget(
        name: "SharedStoreTests",
        dependencies: ["SharedStore", "Bytes", "Throttle", "Reactor", "TLSTransport", "FuzzTargets"],
        swiftSettings: strict),
    .testTarget(name: "DiagnosticsTests", dependencies: ["Diagnostics"], swiftSettings: strict),
    .testTarget(
        name: "ConfigurationTests",
        dependencies: ["Configuration", "Bytes", "Policy", "PolicyLanguage", "FirewallPlan", "Diagnostics"],
        exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
        name: "PolicyLanguageTests",
        dependencies: ["PolicyLanguage", "Policy", "FirewallPlan", "Bytes", "Diagnostics"],
        swiftSettings: strict),
    .testTarget(
        name: "RehearsalTests", dependencies: ["Rehearsal", "PolicyLanguage", "Policy", "Bytes", "Diagnostics"],
        swiftSettings: strict),
    .testTarget(
        name: "TelemetryTests", dependencies: ["Telemetry", "Bytes", "Policy", "Reactor"], swiftSettings: strict),
    .testTarget(name: "ControlTests", dependencies: ["Control"], swiftSettings: strict),
    .testTarget(
        name: "FirewallPlanTests", dependencies: ["FirewallPlan", "Bytes", "FuzzTargets"], exclude: ["Golden"],
        swiftSettings: strict),
    .testTarget(name: "PolicyTests", dependencies: ["Policy", "Bytes"], swiftSettings: strict),
    .testTarget(name: "ThrottleTests", dependencies: ["Throttle", "Bytes"], swiftSettings: strict),
    .testTarget(
        name: "SMTPSessionTests", dependencies: ["SMTPSession", "SMTPWire", "Policy", "Bytes"], swiftSettings: strict),
    .testTarget(
        name: "EnforcementTests",
        dependencies: ["Enforcement", "SMTPSession", "SMTPWire", "Policy", "Throttle", "Bytes"],
        swiftSettings: strict),
    .testTarget(
        name: "SimulationTests",
        dependencies: ["Enforcement", "SMTPSession", "SMTPWire", "Policy", "Throttle", "Bytes"],
        path: "Tests/Simulation", swiftSettings: strict),
    .testTarget(
        name: "OperationsTests",
        dependencies: [
            "Operations", "Bytes", "Configuration", "Control", "Diagnostics", "Gateway", "Reactor", "SMTPWire",
            "TLSTransport",
        ],
        swiftSettings: strict),
    .testTarget(name: "CommandLineTests", dependencies: ["portreeve", "Configuration"], swiftSettings: strict),
]

/// Sanitizer builds of the tests leave out what these do not test: the daemon's upper part and the command line.
let upperPart = [
    "FirewallHelper", "FirewallHelperTests", "portreeve-firewall", "Gateway", "Operations", "portreeve",
    "OperationsTests",
    "CommandLineTests",
]
let isCoreOnly = Context.environment["PORTREEVE_CORE_ONLY"] != nil

let package = Package(
    name: "portreeve",
    products: [
        .library(name: "FuzzTargets", targets: ["FuzzTargets"]),
        // What the load generator and the instruction counts of Benchmarks/ are made of.
        .library(name: "Engine", targets: ["Bytes", "Reactor", "TLSTransport"]),
        .library(name: "Session", targets: ["Bytes", "Policy", "Throttle", "SMTPWire", "SMTPSession", "Enforcement"]),
    ]
        + (isCoreOnly
            ? []
            : [
                .executable(name: "portreeve", targets: ["portreeve"]),
                .executable(name: "portreeve-firewall", targets: ["portreeve-firewall"]),
            ]),
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: (modules + tests).filter { !isCoreOnly || !upperPart.contains($0.name) }
)
