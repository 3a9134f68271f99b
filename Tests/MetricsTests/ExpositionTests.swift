import Metrics
import TestSupport
import Testing

/// Pages against a page written the slow and plain way.
@Suite struct ExpositionTests {
  @Test(arguments: UInt64(1)...20)
  func equalsThePlainWay(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var readings = Readings()
    for family in Families.all where family.kind != .histogram && !random.oneIn(3) {
      for _ in 0..<(family.labels.isEmpty ? 1 : random.pick(1...40)) {
        let labels = family.labels.map { ($0, String(decoding: random.bytes(random.pick(0...80)), as: UTF8.self)) }
        readings[family.id].append(labels, Double(random.pick(0...1 << 40)))
      }
    }
    for format in ExpositionFormat.allCases {
      let page = Exposition.render(readings, as: format)
      #expect(String(decoding: page, as: UTF8.self) == plain(readings, as: format))
      var pieces: [[UInt8]] = []
      Exposition.render(readings, as: format, pieceBytes: 100) { pieces.append($0) }
      #expect(pieces.flatMap { $0 } == page)
      #expect(pieces.count > page.count / 4_000)
    }
  }

  private func plain(_ readings: Readings, as format: ExpositionFormat) -> String {
    var page = ""
    for family in Families.all {
      let set = readings[family.id]
      if set.rows.isEmpty { continue }
      if format == .text {
        page += "# HELP \(family.name) \(family.help)\n"
        page += "# TYPE \(family.name) \(family.kind == .info ? "gauge" : family.kind.rawValue)\n"
      } else {
        page += "# TYPE \(family.openMetricsName) \(family.kind.rawValue)\n"
        if let unit = family.unit { page += "# UNIT \(family.openMetricsName) \(unit.rawValue)\n" }
        page += "# HELP \(family.openMetricsName) \(family.help)\n"
      }
      for row in set.rows {
        let labels = set.labels(of: row).map { "\($0.label.rawValue)=\"\(escaped($0.value))\"" }
        let list = labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}"
        page += "\(family.name)\(list) \(Int(row.value))\n"
      }
    }
    return format == .openMetrics ? page + "# EOF\n" : page
  }

  private func escaped(_ value: String) -> String {
    var out = String.UnicodeScalarView()
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": out.append(contentsOf: "\\\\".unicodeScalars)
      case "\"": out.append(contentsOf: "\\\"".unicodeScalars)
      case "\n": out.append(contentsOf: "\\n".unicodeScalars)
      default: out.append(scalar)
      }
    }
    return String(out)
  }

  @Test func nothingToShow() {
    #expect(Exposition.render(Readings(), as: .text) == [])
    #expect(Exposition.render(Readings(), as: .openMetrics) == Array("# EOF\n".utf8))
  }

  @Test func mergedReadingsShowBoth() {
    var readings = SamplePages.start
    var other = Readings()
    other[.queueBytes] = SampleSet(5)
    other[.processOpenFDs] = SampleSet(7)
    readings.merge(other)
    let lines = String(decoding: Exposition.render(readings, as: .text), as: UTF8.self).split(separator: "\n")
    #expect(lines.contains("kube_audit_queue_bytes 5"))
    #expect(lines.contains("process_open_fds 7"))
    #expect(lines.contains("kube_audit_queue_limit_bytes 16777216"))
  }
}
