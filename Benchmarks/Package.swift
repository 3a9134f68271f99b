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

func bench(_ name: String) -> Target {
  .executableTarget(
    name: name, dependencies: [.product(name: "KubeAuditCore", package: "kube-audit-exporter")], swiftSettings: strict)
}

let package = Package(
  name: "Benchmarks",
  dependencies: [.package(name: "kube-audit-exporter", path: "..")],
  targets: [bench("bench-count"), bench("bench-decode"), bench("bench-delta"), bench("bench-state")]
)
