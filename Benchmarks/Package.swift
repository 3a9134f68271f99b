// swift-tools-version: 6.2
import PackageDescription

/// Benchmarks and differential tests over the project's own modules: a package of its own, so that what it needs never
/// reaches users.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "Benchmarks",
  dependencies: [.package(name: "kube-audit-exporter", path: "..")],
  targets: [
    .executableTarget(
      name: "bench-decode",
      dependencies: [.product(name: "KubeAuditCore", package: "kube-audit-exporter")],
      swiftSettings: strict)
  ]
)
