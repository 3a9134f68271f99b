import Testing

/// A small text that breaks a rule, or nearly does.
struct Sample: Sendable, CustomTestStringConvertible {
  /// How the rule's name begins.
  let rule: String
  let files: [String: String]
  /// A part of the one finding; nil where nothing is to be found.
  let finds: String?

  init(_ rule: String, _ files: [String: String], finds: String?) {
    self.rule = rule
    self.files = files
    self.finds = finds
  }

  /// The same for one source file.
  init(_ rule: String, _ text: String, finds: String?) {
    self.init(rule, ["Sources/Counting/A.swift": text], finds: finds)
  }

  var testDescription: String { "\(rule): \(finds ?? "quiet")" }

  static let all: [Sample] = [
    importSamples, sizeSamples, codeSamples, unsafeSamples, testSamples, pageSamples, textSamples, alertSamples,
  ].flatMap { $0 }

  private static let manifest =
    "module(\n  \"Counting\", [\"Metrics\"]),\nmodule(\"Engine\", [\"Counting\", \"Metrics\"])\n"

  private static let importSamples: [Sample] = [
    Sample("Left never", "import Engine\n", finds: "A.swift:1: imports Engine"),
    Sample("Left never", "public import struct Inputs.Endpoint\n", finds: "imports Inputs"),
    Sample("Left never", "import Counting\n", finds: "imports Counting"),
    Sample("Left never", "import Metrics\n// import Engine\nlet x = \"import Engine\"\n", finds: nil),
    Sample("Every module has a place", "import Metrics\nimport Yams\n", finds: "A.swift:2: imports Yams"),
    Sample("Every module has a place", ["Sources/New/A.swift": "import Glibc\n"], finds: "not in House.moduleOrder"),
    Sample("Every module has a place", "#if canImport(Glibc)\n  import Glibc\n#endif\n", finds: nil),
    Sample(
      "Every import is a dependency", ["Package.swift": manifest, "Sources/Counting/A.swift": "import Diagnostics\n"],
      finds: "does not list it for Counting"),
    Sample(
      "Every import is a dependency", ["Package.swift": manifest, "Sources/Counting/A.swift": "import Metrics\n"],
      finds: nil),
    Sample("A C library", "internal import CZlib\n", finds: "only Sources/Compression/ imports CZlib"),
    Sample("A C library", ["Sources/Compression/A.swift": "public import CZlib\n"], finds: "must not show"),
    Sample("A C library", ["Sources/Compression/A.swift": "import CZlib\n"], finds: nil),
    Sample("No Foundation", "import Foundation\n", finds: "imports Foundation"),
    Sample(
      "No Foundation", ["Tests/XTests/A.swift": "@preconcurrency import FoundationEssentials\n"], finds: "Essentials"),
    Sample("No Foundation", "// import Foundation\n", finds: nil),
  ]

  private static let longLine = String(repeating: "a", count: House.lineLimit + 1) + "\n"
  private static func lines(_ count: Int) -> String { String(repeating: "let a = 1\n", count: count) }

  private static let sizeSamples: [Sample] = [
    Sample("A file has", lines(House.fileLinesLimit + 1), finds: "has 401 lines"),
    Sample("A file has", lines(House.fileLinesLimit), finds: nil),
    Sample("A function has", "func a() {\n" + lines(House.functionLinesLimit - 1) + "}\n", finds: "a has 61 lines"),
    Sample("A function has", "func a() {\n" + lines(House.functionLinesLimit - 2) + "}\n", finds: nil),
    Sample("A function has", "init(b: Int)\n  where T: U\n{\n" + lines(58) + "}\n", finds: "init has 62 lines"),
    Sample(
      "main.swift", ["Sources/kube-audit-exporter/main.swift": lines(House.mainLinesLimit + 1)], finds: "41 lines"),
    Sample("A line that", "let a = 1\n//" + longLine, finds: "A.swift:2: has 133 characters"),
    Sample("A line that", ["scripts/a.sh": "a\n" + longLine], finds: "scripts/a.sh:2"),
    Sample("A line that", ["scripts/a.sh": "# http://" + longLine, "Tests/A.swift": longLine], finds: nil),
    Sample("main.swift", ["Sources/kube-audit-exporter/main.swift": "import Exporter\n"], finds: nil),
  ]

  private static let codeSamples: [Sample] = [
    Sample("Nothing outside", "let a = try! b()\n", finds: "`try!`"),
    Sample("Nothing outside", "let a = b as! C\n", finds: "`as!`"),
    Sample("Nothing outside", "fatalError(\"a\")\n", finds: "`fatalError`"),
    Sample("Nothing outside", "let a = try? b() as? C // try! as! fatalError()\n", finds: nil),
    Sample("No force unwrap", "let a = 1\nlet b = c[0]!.d\n", finds: "A.swift:2: a force unwrap"),
    Sample("No force unwrap", "var a: Int!\n", finds: "a force unwrap"),
    Sample("No force unwrap", "let a = !b && c != d && e !== f\nlet g = \"h!\"\n#if !DEBUG\n#endif\n", finds: nil),
    Sample("Only commands print", "print(1)\n", finds: "`print`"),
    Sample("Only commands print", "sink.print(1)\nfunc print() {}\n", finds: nil),
    Sample("Nothing is left", "// " + "TO" + "DO: count\n", finds: "leftover"),
    Sample("Nothing is left", ["docs/a.md": "Mend it. FIX" + "ME\n"], finds: "docs/a.md:1"),
    Sample("Nothing is left", "let method = \"to" + "do\"\n", finds: nil),
  ]

  private static let pointer = "// SAFETY: owned.\nlet a = unsafe UnsafePointer<Int>(b)\n"
  private static let unsafeList = "# Unsafe code\n\n- `Sources/Counting/A.swift`: rows\n"

  private static let unsafeSamples: [Sample] = [
    Sample("docs/unsafe.md", pointer, finds: "A.swift:2: is unsafe and not in"),
    Sample("docs/unsafe.md", "final class A: @unchecked Sendable {}\n", finds: "is unsafe and not in"),
    Sample(
      "docs/unsafe.md", ["docs/unsafe.md": unsafeList, "Sources/Counting/A.swift": "let a = 1 // unsafe\n"],
      finds: "docs/unsafe.md:3: lists Sources/Counting/A.swift"),
    Sample("docs/unsafe.md", ["docs/unsafe.md": unsafeList, "Sources/Counting/A.swift": pointer], finds: nil),
    Sample("Pointers have", "let a: UnsafeMutablePointer<Int>\n", finds: "A.swift:1: uses UnsafeMutablePointer"),
    Sample("Pointers have", "let a = Unmanaged.passRetained(b)\nlet s = \"SAFETY:\"\n", finds: "uses Unmanaged"),
    Sample("Pointers have", pointer, finds: nil),
    Sample("`@unchecked Sendable`", "let a = 1\nfinal class B: @unchecked Sendable {}\n", finds: "A.swift:2: without"),
    Sample("`@unchecked Sendable`", "nonisolated(unsafe) var a = 1\n", finds: "A.swift:1: without"),
    Sample("`@unchecked Sendable`", "// Unchecked: one owner.\n@safe\nclass B: @unchecked Sendable {}\n", finds: nil),
    Sample("Public types", "let a = 1\npublic struct B {}\n", finds: "A.swift:2: a public type"),
    Sample("Public types", "@safe public final class B {}\n", finds: "a public type"),
    Sample(
      "Public types", "/// A thing.\n// Unchecked: why.\n@safe\npublic final class B {}\nstruct C {}\n", finds: nil),
  ]

  private static let testSamples: [Sample] = [
    Sample(
      "No two tests",
      [
        "Tests/XTests/A.swift": "@Test func a() {}\n",
        "Tests/XTests/B.swift": "@Test(arguments: [1])\nfunc a(b: Int) {}\n",
      ],
      finds: "Tests/XTests/B.swift:2: a is the name of Tests/XTests/A.swift:1"),
    Sample(
      "No two tests", ["Tests/XTests/A.swift": "@Test func a() {}\n", "Tests/YTests/B.swift": "@Test func a() {}\n"],
      finds: nil),
    Sample("Test files expect", ["Tests/XTests/A.swift": "@Test func a() { b() }\n"], finds: "expect nothing"),
    Sample("Test files expect", ["Tests/XTests/A.swift": "@Test func a() { #expect(b) }\n"], finds: nil),
    Sample("Tests do not sleep", ["Tests/XTests/A.swift": "usleep(1)\n"], finds: "`usleep`"),
    Sample("Tests do not sleep", ["Tests/EndToEndTests/A.swift": "usleep(1)\n"], finds: nil),
    Sample("Every module has tests", "let a = 1\n", finds: "Tests/CountingTests"),
    Sample(
      "Every module has tests", ["Sources/Counting/A.swift": "let a = 1\n", "Tests/CountingTests/A.swift": "\n"],
      finds: nil),
  ]

  private static let table = "enum FamilyID {\n  case a = \"kube_audit_a_total\"\n}\n"

  private static let pageSamples: [Sample] = [
    Sample("Links lead", ["docs/a.md": "[b](b.md)\n"], finds: "links to docs/b.md"),
    Sample(
      "Links lead", ["docs/a.md": "[b](../README.md#no-such)\n", "README.md": "# Such\n"], finds: "links to #no-such"),
    Sample("Links lead", ["docs/a.md": "[b](#two-words) [c](http://d/) `e`\n\n## Two words\n"], finds: nil),
    Sample("Every page", ["docs/a.md": "a\n", "README.md": "docs/a.md\n"], finds: "no page links to it"),
    Sample("Every page", ["docs/a.md": "a\n", "README.md": "[a](docs/a.md#b)\n"], finds: nil),
    Sample("Commands", ["README.md": "Run `make all`.\n", "Makefile": "test: b\n\tmake all\n"], finds: "`make all`"),
    Sample(
      "Commands", ["README.md": "We make all of it.\n\n```\nmake test\n```\n", "Makefile": "test:\n"], finds: nil),
    Sample("Paths", ["README.md": "See `scripts/a.sh`.\n"], finds: "names scripts/a.sh"),
    Sample("Paths", ["README.md": "See `scripts/b.sh x` and `Sources/<Name>/`.\n", "scripts/b.sh": "x\n"], finds: nil),
    Sample(
      "Flags", ["README.md": "Pass `--input.files=a`.\n", "docs/configuration.md": "`--input.stdin`\n"],
      finds: "--input.files"),
    Sample(
      "Flags", ["README.md": "`serve --input.stdin --skip-build`\n", "docs/configuration.md": "--input.stdin\n"],
      finds: nil),
    Sample(
      "docs/metrics.md", ["Sources/Metrics/FamilyID.swift": table, "docs/metrics.md": "none\n"],
      finds: "kube_audit_a_total"),
    Sample(
      "docs/metrics.md", ["Sources/Metrics/FamilyID.swift": table, "docs/metrics.md": "`kube_audit_a_total`\n"],
      finds: nil),
    Sample(
      "Families", ["Sources/Metrics/FamilyID.swift": table, "README.md": "`sum(kube_audit_b)`\n"], finds: "kube_audit_b"
    ),
    Sample(
      "Families", ["Sources/Metrics/FamilyID.swift": table, "README.md": "`kube_audit_a_total` `kube_audit_…`\n"],
      finds: nil),
  ]

  private static let textSamples: [Sample] = [
    Sample("No script's pipe", ["scripts/a.sh": "a | b | grep -iq c || d\n"], finds: "scripts/a.sh:1"),
    Sample("No script's pipe", ["scripts/a.sh": "a |\n  head -n 1\n"], finds: "scripts/a.sh:2"),
    Sample("No script's pipe", ["scripts/a.sh": "a || grep -q b c\ngrep -q d <<<e\na | grep -c -- -q\n"], finds: nil),
    Sample("Nothing names", ["scripts/a.sh": "cd /wo" + "rk/main\n"], finds: "scripts/a.sh:1"),
    Sample("Nothing names", ["scripts/a.sh": "cd \"$root/network\"\n"], finds: nil),
    Sample("Text ends", ["README.md": "a\nb"], finds: "must end"),
    Sample("Text ends", ["README.md": "a \nb\n"], finds: "README.md:1: ends in a blank"),
    Sample("Text ends", ["README.md": "a\n\nb\n"], finds: nil),
  ]
}
