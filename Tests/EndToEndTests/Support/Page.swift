/// An exposition as a test sees it: its samples, every series once.
struct Page {
  struct Sample {
    let name: String
    let labels: [String: String]
    let value: Double
  }
  struct Malformed: Error, CustomStringConvertible { let description: String }

  let text: String
  let samples: [Sample]

  /// - Throws: `Malformed` for a line that is no sample, and for a series that is there twice.
  init(_ text: String) throws {
    self.text = text
    var seen: Set<Substring> = []
    samples = try text.utf8.split(separator: UInt8(ascii: "\n")).compactMap { line in
      if line.first == UInt8(ascii: "#") { return nil }
      var reader = SampleReader(rest: line)
      guard let sample = reader.sample() else { throw Malformed(description: "no sample: \(Substring(line))") }
      guard seen.insert(Substring(line[..<reader.seriesEnd])).inserted else {
        throw Malformed(description: "a series is there twice: \(Substring(line))")
      }
      return sample
    }
  }

  /// The samples of a family with these labels.
  func samples(_ name: String, _ labels: [String: String] = [:]) -> [Sample] {
    samples.filter { sample in
      sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
    }
  }

  /// Their sum; 0 when there are none.
  func sum(_ name: String, _ labels: [String: String] = [:]) -> Int {
    samples(name, labels).reduce(0) { $0 + Int($1.value) }
  }

  /// The one sample; nil when there is none or more than one.
  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    let found = samples(name, labels)
    return found.count == 1 ? found[0].value : nil
  }

  /// Sums by the values of some labels, joined by a space; without what is zero.
  func sums(_ name: String, by labels: [String], _ wanted: [String: String] = [:]) -> [String: Int] {
    var sums: [String: Int] = [:]
    for sample in samples(name, wanted) {
      sums[labels.map { sample.labels[$0] ?? "" }.joined(separator: " "), default: 0] += Int(sample.value)
    }
    return sums.filter { $0.value != 0 }
  }

  /// The lines of the counters of events, sorted: what has to be the same however the same events arrive. Zeros are left
  /// out, and the name of the input.
  var countedLines: [String] {
    samples.compactMap { sample in
      guard Self.eventFamilies.contains(sample.name), sample.value != 0 else { return nil }
      let labels = sample.labels.filter { $0.key != "input" }.sorted { $0.key < $1.key }
      return "\(sample.name) \(labels.map { "\($0.key)=\($0.value)" }) \(Int(sample.value))"
    }.sorted()
  }

  private static let eventFamilies: Set = [
    "kube_audit_requests_total", "kube_audit_denied_requests_total", "kube_audit_server_errors_total",
    "kube_audit_rbac_mutations_total", "kube_audit_tracked_requests_total", "kube_audit_impersonated_requests_total",
    "kube_audit_events_by_stage_total", "kube_audit_events_received_total", "kube_audit_events_counted_total",
    "kube_audit_events_not_a_request_total", "kube_audit_events_duplicate_total", "kube_audit_events_ignored_total",
    "kube_audit_events_rejected_total", "kube_audit_events_dropped_total", "kube_audit_events_salvaged_total",
  ]
}

/// Reads one line: name, labels with their three escapes, value.
private struct SampleReader {
  var rest: Substring.UTF8View
  /// Where the labels end.
  private(set) var seriesEnd: Substring.UTF8View.Index

  init(rest: Substring.UTF8View) {
    self.rest = rest
    seriesEnd = rest.startIndex
  }

  mutating func sample() -> Page.Sample? {
    let name = take { $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: " ") }
    var labels: [String: String] = [:]
    if rest.first == UInt8(ascii: "{") {
      rest.removeFirst()
      while rest.first != UInt8(ascii: "}") {
        let label = take { $0 != UInt8(ascii: "=") }
        rest = rest.dropFirst()
        guard let value = quoted(), labels.updateValue(value, forKey: label) == nil else { return nil }
        if rest.first == UInt8(ascii: ",") { rest.removeFirst() }
      }
      rest.removeFirst()
    }
    seriesEnd = rest.startIndex
    guard !name.isEmpty, rest.popFirst() == UInt8(ascii: " "), let value = Double(take { $0 != UInt8(ascii: " ") }),
      // What follows is an exemplar, which stricter parsers read.
      rest.isEmpty || Substring(rest).hasPrefix(" # {")
    else { return nil }
    return Page.Sample(name: name, labels: labels, value: value)
  }

  private mutating func take(while isWanted: (UInt8) -> Bool) -> String {
    let taken = rest.prefix(while: isWanted)
    rest = rest[taken.endIndex...]
    return String(decoding: taken, as: UTF8.self)
  }

  private mutating func quoted() -> String? {
    guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
    var value: [UInt8] = []
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\"") { return String(validating: value, as: UTF8.self) }
      guard byte == UInt8(ascii: "\\") else {
        value.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "n"): value.append(UInt8(ascii: "\n"))
      case UInt8(ascii: "\\"): value.append(UInt8(ascii: "\\"))
      case UInt8(ascii: "\""): value.append(UInt8(ascii: "\""))
      default: return nil
      }
    }
    return nil
  }
}
