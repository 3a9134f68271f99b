import AuditEvents
import Testing

/// Events that others recorded, against the figures that the oracle computed (Tests/Corpora/README.md).
@Suite struct CorpusTests {
  static let folders = [
    "admission-review", "aks-sysdig", "apisnoop", "audit2rbac", "falco", "gitops-reverser", "kbx", "khi",
    "openshift-clo",
    "panther", "stackdriver-bridge",
  ]

  /// Text of other logs: the oracle calls every line that is no JSON undecodable, the decoder ignores text.
  static let otherText: Set<String> = ["openshift-clo/raw_auditd.log", "openshift-clo/raw_container.log"]

  struct File: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let bytes: [UInt8]
    let expected: [String: [String: Int]]
    let totals: [String: Int]
    let forbidden: [String: Int]
  }

  static let files: [File] = folders.flatMap { folder -> [File] in
    let expectations = JSONTree.parse(Files.read("\(Files.corpora)/\(folder)/EXPECTED.json") ?? [])
    return (expectations?["by_file"]?.members ?? [:]).sorted { $0.key < $1.key }.map { name, expected in
      File(
        testDescription: "\(folder)/\(name)", bytes: Files.read("\(Files.corpora)/\(folder)/\(name)") ?? [],
        expected: expected.members.mapValues(\.numbers), totals: expected.numbers,
        forbidden: Dictionary(
          (expected["forbidden_by_user_ip"]?.elements ?? []).map {
            ("\($0["user"]?.text ?? "") \($0["last_source_ip"]?.text ?? "")", $0["count"]?.integer ?? 0)
          }, uniquingKeysWith: +))
    }
  }

  @Test func allFound() {
    #expect(Self.files.count > 150)
    #expect(Self.files.allSatisfy { !$0.bytes.isEmpty })
  }

  @Test(arguments: files)
  func figures(_ file: File) {
    for seen in [decode(file.bytes), decodeInAnyOrder(file.bytes), decodeInPieces(file.bytes, of: 4096)] {
      let undecodable = file.totals["undecodable_lines", default: 0] + file.totals["inner_undecodable", default: 0]
      let isOtherText = Self.otherText.contains(file.testDescription)
      #expect(seen.events.count == file.totals["events_decoded"])
      #expect(seen.ignored.count == file.totals["not_audit", default: 0] + (isOtherText ? undecodable : 0))
      #expect(seen.rejected.count == (isOtherText ? 0 : undecodable))
      #expect(count(seen.events) { $0.stage == .unknown ? "none" : $0.stage.label } == file.expected["by_stage"])
      #expect(count(seen.events) { $0.level == .unknown ? "none" : $0.level.label } == file.expected["by_level"])
      let requests = seen.events.filter(isRequest)
      #expect(requests.count == file.totals["counted"])
      #expect(count(requests) { $0.code == 0 ? "none" : String($0.code) } == file.expected["by_code"])
      #expect(count(requests, by: verb) == byVerb(file))
      let forbidden = requests.filter { $0.code == 403 }
      #expect(count(forbidden) { "\(plain($0.user)) \(lastAddress($0))" } == file.forbidden)
      let split = file.expected["http_403"] ?? [:]
      #expect(forbidden.count { $0.decision == .forbid } == split["forbid"])
      #expect(forbidden.count { $0.decision == .allow } == split["admission"])
    }
  }

  /// DESIGN.md, "Request".
  private func isRequest(_ event: Seen) -> Bool {
    event.stage == .responseComplete || event.stage == .panic
      || event.stage == .responseStarted && event.user.isEmpty && event.code >= 400
  }

  private func verb(_ event: Seen) -> String { event.verb == .none ? "none" : event.verb.label.description }

  /// The oracle keeps every word a client sent.
  private func byVerb(_ file: File) -> [String: Int] {
    let known = Set(Verb.allCases.map(\.label.description) + ["none"])
    return Dictionary(
      (file.expected["by_verb"] ?? [:]).map { (known.contains($0.key) ? $0.key : "(other)", $0.value) },
      uniquingKeysWith: +)
  }

  private func plain(_ text: String) -> String { JSONTree.parse(Array("\"\(text)\"".utf8))?.text ?? "" }

  private func lastAddress(_ event: Seen) -> String {
    JSONTree.parse(Array("[\(event.sourceIPs)]".utf8))?.elements.last?.text ?? ""
  }

  private func count(_ events: [Seen], by key: (Seen) -> String) -> [String: Int] {
    Dictionary(events.map { (key($0), 1) }, uniquingKeysWith: +)
  }
}
