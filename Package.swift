// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours is held to the same strictness: warnings are errors, and each unsafe expression is marked.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

let package = Package(
  name: "kube-audit-exporter",
  products: [
    .executable(name: "kube-audit-exporter", targets: ["kube-audit-exporter"]),
    // For Benchmarks/ and Fuzz/, packages of their own over the same modules.
    .library(
      name: "KubeAuditCore",
      targets: [
        "AuditEvents", "Compression", "Concurrency", "Counting", "Crypto", "Diagnostics", "Engine", "Exporter",
        "Inputs", "Metrics", "Rules", "State", "YAML",
      ]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
  ],
  targets: [
    // C libraries: a module map and a shim each, nothing else. One Swift module imports each.
    .systemLibrary(name: "CLinux"),
    // Loaded when they are needed, so neither names what to link with: headers alone.
    .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CGnuTLS", pkgConfig: "gnutls", providers: [.apt(["libgnutls28-dev"])]),
    .systemLibrary(name: "CMicroHTTPD", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CXcrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CIntrinsics"),
    // C++ behind a C header; RE2's archive is linked in, so that no program loads one more library at its start.
    // The C++ library comes behind it: the release takes that from an archive too, of which only what is missed is linked.
    .target(name: "CRE2", linkerSettings: [.linkedLibrary(":libre2.a"), .linkedLibrary("stdc++")]),

    // Left never imports right (docs/architecture.md); HouseRulesTests reads the imports.
    module("Diagnostics", [.product(name: "Logging", package: "swift-log")]),
    module("Concurrency", ["CLinux", "Diagnostics"]),
    module("Crypto", ["COpenSSL"]),
    module("YAML", ["CYAML", "Diagnostics"]),
    module("Compression", ["CZlib"]),
    module("AuditEvents", ["CIntrinsics", "Compression"]),
    module("Rules", ["AuditEvents", "CRE2", "Diagnostics", "YAML"]),
    module("Metrics", ["AuditEvents", "Crypto", "Diagnostics"]),
    module("Counting", ["AuditEvents", "Crypto", "Diagnostics", "Metrics"]),
    module("State", ["Concurrency", "Counting", "Crypto", "CSQLite", "Diagnostics"]),
    module("Engine", ["AuditEvents", "Concurrency", "Counting", "Crypto", "Diagnostics", "Metrics", "Rules", "State"]),
    module("Transport", ["CCurl", "Concurrency", "Diagnostics"]),
    module("AWS", ["Concurrency", "Crypto", "Diagnostics", "Transport"]),
    module(
      "Inputs",
      [
        "AuditEvents", "AWS", "Compression", "Concurrency", "Crypto", "Diagnostics", "Engine", "Transport",
        .product(name: "Logging", package: "swift-log"),
      ]),
    module(
      "Exporter",
      [
        "AWS", "AuditEvents", "CGnuTLS", "CMicroHTTPD", "CXcrypt", "Compression", "Concurrency", "Counting", "Crypto",
        "Diagnostics", "Engine", "Inputs", "Metrics", "Rules", "State", "Transport", "YAML",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ]),

    .executableTarget(name: "kube-audit-exporter", dependencies: ["Exporter"], swiftSettings: strict),

    // The program itself, run as a process beside the real tools: the dependency makes sure that it is built.
    tests(
      "EndToEndTests", ["kube-audit-exporter", "Compression", "Concurrency", "Counting", "State", "TestSupport"],
      exclude: ["Tools"]),

    .target(
      name: "TestSupport", dependencies: ["AuditEvents", "Concurrency"], path: "Tests/TestSupport",
      swiftSettings: strict),
    tests("DiagnosticsTests", ["Diagnostics", "TestSupport", .product(name: "Logging", package: "swift-log")]),
    tests(
      "MetricsTests", ["AuditEvents", "Crypto", "Metrics", "TestSupport"], exclude: ["Golden", "parse_exposition.py"]),
    tests("AuditEventsTests", ["AuditEvents", "CIntrinsics", "TestSupport"]),
    tests("CompressionTests", ["Compression", "TestSupport"]),
    tests(
      "ExporterTests",
      [
        "AWS", "AuditEvents", "Compression", "Concurrency", "Counting", "Crypto", "Diagnostics", "Engine", "Exporter",
        "Inputs", "Metrics", "State", "TestSupport", "Transport", "YAML",
        .product(name: "Logging", package: "swift-log"),
      ]),
    tests("ConcurrencyTests", ["Concurrency"]),
    tests(
      "InputsTests",
      [
        "AuditEvents", "AWS", "CLinux", "Compression", "Concurrency", "Diagnostics", "Engine", "FaultyCalls", "Inputs",
        "TestSupport", "Transport",
        .product(name: "Logging", package: "swift-log"),
      ]),
    tests("CryptoTests", ["Crypto"]),
    // System calls that fail on purpose, for whoever links it.
    .target(name: "FaultyCalls", path: "Tests/FaultyCalls", linkerSettings: [.linkedLibrary("dl")]),
    // A way to the file system that fails on purpose, and a program that is killed while it commits.
    .target(name: "FaultyFiles", dependencies: ["CSQLite"], path: "Tests/FaultyFiles"),
    .executableTarget(
      name: "StateWriter", dependencies: ["Counting", "Diagnostics", "State"], path: "Tests/StateWriter",
      swiftSettings: strict),
    tests(
      "StateTests",
      [
        "CLinux", "Counting", "Crypto", "Diagnostics", "FaultyCalls", "FaultyFiles", "State", "StateWriter",
        "TestSupport",
      ]),
    tests("CountingTests", ["AuditEvents", "Counting", "Crypto", "Diagnostics", "Metrics", "TestSupport"]),
    tests(
      "EngineTests",
      [
        "AuditEvents", "Concurrency", "Counting", "Crypto", "Diagnostics", "Engine", "Metrics", "Rules", "State",
        "TestSupport",
      ]),
    tests(
      "SettingsTests",
      [
        "AWS", "AuditEvents", "Counting", "Diagnostics", "Engine", "Exporter", "Inputs", "Metrics", "TestSupport",
        "YAML",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    tests("RulesTests", ["AuditEvents", "Diagnostics", "Rules", "TestSupport"]),
    tests("TransportTests", ["Concurrency", "Diagnostics", "TestSupport", "Transport"]),
    tests(
      "AWSTests", ["AWS", "Concurrency", "Crypto", "Diagnostics", "TestSupport", "Transport"],
      exclude: ["signature_vectors.json"]),
    tests("YAMLTests", ["Diagnostics", "TestSupport", "YAML"]),
    // The alerts are held against the family table, the tracked objects and the YAML that we read ourselves.
    tests("HouseRulesTests", ["Counting", "Diagnostics", "Metrics", "YAML"]),
  ]
)
