// swift-tools-version: 6.2
import PackageDescription

// Built by scripts/fuzz.sh, which instruments every module (`-sanitize=fuzzer,address`), ours included.
let fuzz: [SwiftSetting] = [
  .unsafeFlags(["-parse-as-library"]), .enableExperimentalFeature("Extern"), .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

func target(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: fuzz)
}

let package = Package(
  name: "fuzz",
  dependencies: [.package(name: "kube-audit-exporter", path: "..")],
  targets: [
    target("FuzzEvents", [.product(name: "KubeAuditCore", package: "kube-audit-exporter")]),
    target("FuzzYAML", [.product(name: "KubeAuditCore", package: "kube-audit-exporter")]),
    target("FuzzGzip", [.product(name: "KubeAuditCore", package: "kube-audit-exporter")]),
    target("FuzzCanary", []),
  ],
  swiftLanguageModes: [.v6]
)
