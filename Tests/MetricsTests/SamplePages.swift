import AuditEvents
import Crypto
import Metrics
import TestSupport

/// Readings that tests render: fixed, so that their pages can be compared with golden files.
enum SamplePages {
  static let all: [(name: String, readings: Readings)] = [
    ("start", start), ("every-family", everyFamily), ("hostile", hostile(hostileTexts)),
  ]

  /// What a fresh exporter shows: counters whose labels are known, at 0.
  static var start: Readings {
    var readings = Readings()
    for id in [FamilyID.eventsReceived, .eventsCounted, .eventsNotARequest, .eventsDuplicate, .inputBytes] {
      readings[id].append([(.input, "file")], 0)
    }
    for reason in ["malformed", "too_long"] {
      readings[.eventsRejected].append([(.input, "file"), (.reason, reason)], 0)
    }
    readings[.inputUp].append([(.input, "file")], 1)
    readings[.queueBytes] = SampleSet(0)
    readings[.queueLimitBytes] = SampleSet(16_777_216)
    readings[.buildInfo].append(
      [
        (.version, "0.1.0"), (.revision, "0123abc"), (.branch, "main"), (.swiftversion, "6.3.1"), (.goos, "linux"),
        (.goarch, "amd64"),
      ], 1)
    return readings
  }

  /// Two series of every family that has labels, one of every other.
  static var everyFamily: Readings {
    var readings = Readings()
    for (number, family) in Families.all.enumerated() {
      if family.kind == .histogram {
        var histogram = Histogram(bounds: [0.001, 0.25, 2.5])
        for value in [0.0005, 0.001, 0.0011, 0.2, 2.25, 60] { histogram.observe(value) }
        readings[family.id] = SampleSet(histogram)
        continue
      }
      guard !family.labels.isEmpty else {
        readings[family.id] = SampleSet(value(of: family, number))
        continue
      }
      for at in 0..<(family.kind == .info ? 1 : 2) {
        let labels = family.labels.map { ($0, example(of: $0, at)) }
        readings[family.id].append(labels, value(of: family, number * 10 + at))
      }
    }
    return readings
  }

  private static func value(of family: Family, _ number: Int) -> Double {
    if family.kind == .info { return 1 }
    if family.name.hasSuffix("_ratio") { return 1 / Double(number + 3) }
    if family.name.hasSuffix("_timestamp_seconds") { return 1_795_000_000.25 + Double(number) }
    return family.id == .processVirtualMemoryMax ? 0x1p64 : Double(number)
  }

  private static func example(of label: Label, _ at: Int) -> String {
    switch label {
    case .cluster: ["production", "staging"][at]
    case .verb: ["get", "deletecollection"][at]
    case .code: ["403", "unknown"][at]
    case .user: ["alice@example.com", "(other)"][at]
    case .sourceIP: ["203.0.113.7", "2001:db8::/64"][at]
    default: "\(label.rawValue)-\(at)"
    }
  }

  /// Texts that clients may choose as their names, to break the page or to pass for somebody else.
  static let hostileTexts: [[UInt8]] =
    [
      "", "plain", "with \"quotes\"", "\"", "back\\slash", "\\", "\\\\", "ends in \\", "\\n", "line\nfeed", "\n",
      "\r\n",
      "tab\tnul\0esc\u{1b}[31m", "(other)", "(unauthenticated)", "\\(other)", "(", "{}", "a=\"b\",c=\"d\"} 1\n# EOF",
      "x\"} 1\nkube_audit_requests_total{k8s_cluster=\"forged", "# HELP x y", "\u{202e}resu\u{2066}", "\u{200b}",
      "\u{feff}", "\u{2028}", "👩‍👩‍👧‍👦 and 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "e\u{301}", "\u{e9}",
      "\u{ffff}", "\u{10ffff}", " ", " leading and trailing ",
      "+Inf", "NaN", ",", "}", "system:serviceaccount:kube-system:default",
    ].map { Array($0.utf8) } + [
      [0xff], [0xff, 0xfe], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x61, 0xe2, 0x82],
      [0xe2, 0x82, 0x22], [0x80], [0xf0, 0x9f, 0x98],
      [UInt8](repeating: 0x61, count: 100 << 10), [UInt8](repeating: 0x61, count: (100 << 10) + 1),
      [UInt8](repeating: 0x61, count: 256), [UInt8](repeating: 0x61, count: 257),
      [UInt8](repeating: UInt8(ascii: "\\"), count: 300), [UInt8](repeating: UInt8(ascii: "\""), count: 256),
      [UInt8](repeating: 0xff, count: 100 << 10), Array(String(repeating: "🦀", count: 100).utf8),
    ]

  /// A refused request for each of `texts` as its user, the text taken the way that events take it. Texts that become
  /// one label value become one series.
  static func hostile(_ texts: [[UInt8]]) -> Readings {
    var values = LabelValue(key: SipKey(1, 2))
    var arena = LabelArena()
    var refs: [(LabelArena.Ref, Double)] = []
    var seen: [[UInt8]: Int] = [:]
    for text in texts {
      var labels = Array(#"k8s_cluster="default",code="403",reason="authorization",user=""#.utf8)
      values.append(bytes: text, to: &labels)
      labels += #"",source_ip="(unknown)""#.utf8
      if let at = seen[labels] {
        refs[at].1 += 1
      } else {
        seen[labels] = refs.count
        refs.append((arena.append(labels), 1))
      }
    }
    var readings = Readings()
    readings[.deniedRequests] = SampleSet(sharing: arena)
    for (ref, value) in refs { readings[.deniedRequests].append(ref, value) }
    readings[.windowDeniedRequests] = SampleSet(
      sharing: arena, prefixes: [#"window="5m","#, #"window="1h","#].map { Array($0.utf8) })
    for (ref, value) in refs {
      readings[.windowDeniedRequests].append(ref, value, prefix: 1)
      readings[.windowDeniedRequests].append(ref, value + 0.5, prefix: 2)
    }
    return readings
  }
}

extension LabelValue {
  /// Appends the escaped label value of raw bytes, as if they stood in an event without JSON's escapes.
  mutating func append(bytes: [UInt8], to out: inout [UInt8]) {
    let padded = bytes + [UInt8](repeating: 0, count: 64)
    // SAFETY: the array outlives the call, and 64 bytes behind the text are readable.
    unsafe padded.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      let text = unsafe Text(start, count: bytes.count, isEscaped: false)
      var value = LabelBuffer()
      append(text, whenEmpty: "(unauthenticated)", to: &value)
      out += value.bytes
    }
  }
}
