// swift-tools-version: 6.2
import PackageDescription

// Built by scripts/fuzz.sh, which instruments every module (`-sanitize=fuzzer,address`), ours included, and lets the targets
// look inside (`-enable-testing`).
let fuzz: [SwiftSetting] = [
  .unsafeFlags(["-parse-as-library"]), .enableExperimentalFeature("Extern"), .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]
let core = Target.Dependency.product(name: "KubeAuditCore", package: "kube-audit-exporter")

func target(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .executableTarget(name: name, dependencies: ["FuzzSupport", core] + dependencies, swiftSettings: fuzz)
}

let package = Package(
  name: "fuzz",
  dependencies: [
    .package(name: "kube-audit-exporter", path: ".."),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
  ],
  targets: [
    .target(name: "FuzzSupport", dependencies: [core], swiftSettings: fuzz),
    target("FuzzEvents"),
    target("FuzzYAML"),
    target("FuzzGzip"),
    target("FuzzPush", [.product(name: "Logging", package: "swift-log")]),
    target("FuzzSettings"),
    target("FuzzWebConfiguration"),
    target("FuzzState"),
    target("FuzzCanary"),
  ],
  swiftLanguageModes: [.v6]
)
