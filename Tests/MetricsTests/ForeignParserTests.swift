import Metrics
import TestSupport
import Testing

/// Pages as promtool and prometheus_client read them. These tests need both tools.
@Suite struct ForeignParserTests {
  @Test(arguments: SamplePages.all.map(\.name))
  func promtoolHasNoComplaint(name: String) throws {
    let golden = try Files.read(GoldenTests.path(name, .text))
    let check = try promtool(["check", "metrics"], input: golden)
    #expect(check.status == 0 && check.errors.isEmpty, "\(check.errorText)")
  }

  @Test(arguments: SamplePages.all.map(\.name))
  func bothFormatsHoldTheSameSamples(name: String) throws {
    let readings = try #require(SamplePages.all.first { $0.name == name }).readings
    let text = try ParsedPage(Exposition.render(readings, as: .text), as: .text)
    let openMetrics = try ParsedPage(Exposition.render(readings, as: .openMetrics), as: .openMetrics)
    #expect(text.samples.sorted() == openMetrics.samples.sorted())
    #expect(Set(text.samples.map(\.series)).count == text.samples.count, "two series are alike")
    #expect(text.samples.count == FamilyID.allCases.reduce(0) { $0 + readings[$1].sampleCount })
  }

  @Test func declarationsArriveAsDeclared() throws {
    let page = try ParsedPage(Exposition.render(SamplePages.everyFamily, as: .openMetrics), as: .openMetrics)
    try #require(page.families.count == Families.all.count)
    for (read, family) in zip(page.families, Families.all) {
      #expect(read.name == family.openMetricsName)
      #expect(read.type == family.kind.rawValue)
      #expect(read.unit == family.unit?.rawValue ?? "")
      #expect(read.help == family.help)
      if family.kind == .histogram {
        #expect(Set(read.samples.map(\.name)) == Set(["bucket", "sum", "count"].map { "\(family.name)_\($0)" }))
        continue
      }
      for sample in read.samples {
        #expect(sample.name == family.name)
        #expect(Set(sample.labels.keys) == Set(family.labels.map(\.rawValue)))
      }
    }
  }

  @Test(arguments: ExpositionFormat.allCases)
  func hostileNamesArriveAsTheyWereKept(format: ExpositionFormat) throws {
    try expectRoundTrip(SamplePages.hostile(SamplePages.hostileTexts), as: format)
  }

  @Test(arguments: UInt64(1)...5, ExpositionFormat.allCases)
  func randomNamesArriveAsTheyWereKept(seed: UInt64, format: ExpositionFormat) throws {
    var random = SplitMix64(seed: seed)
    let pieces: [[UInt8]] =
      ["\\", "\"", "\n", "\r", "(", ")", "{", "}", ",", "=", "#", " ", "\u{202e}", "é", "€", "😀"].map { Array($0.utf8) }
      + [[0x80], [0xc3], [0xe2, 0x82], [0xff], [0xed, 0xbf, 0xbf], [0]]
    let texts = (0..<400).map { _ in
      (0..<random.pick(0...random.pick(1...120))).flatMap { _ in
        random.oneIn(3) ? random.bytes(1) : pieces[random.pick(0...pieces.count - 1)]
      }
    }
    try expectRoundTrip(SamplePages.hostile(texts), as: format)
  }

  @Test(arguments: ExpositionFormat.allCases)
  func numbersArriveExactly(format: ExpositionFormat) throws {
    var random = SplitMix64(seed: 7)
    let values = NumberTests.edges + (0..<1_000).map { _ in Double(bitPattern: random.next()) }
    var readings = Readings()
    for (at, value) in values.enumerated() { readings[.eventLag].append([(.cluster, "\(at)"), (.input, "x")], value) }
    let page = try ParsedPage(Exposition.render(readings, as: format), as: format)
    try #require(page.samples.count == values.count)
    for (sample, value) in zip(page.samples, values) {
      let read = try #require(Double(sample.value))
      #expect(read == value || (read.isNaN && value.isNaN), "\(value) arrived as \(sample.value)")
    }
  }

  /// Every sample's labels are, to the byte, what the sample set says they are; and no two are alike.
  private func expectRoundTrip(_ readings: Readings, as format: ExpositionFormat) throws {
    let page = try ParsedPage(Exposition.render(readings, as: format), as: format)
    for id in [FamilyID.deniedRequests, .windowDeniedRequests] {
      let read = page.samples.filter { $0.name == id.rawValue }
      let set = readings[id]
      try #require(read.count == set.rows.count)
      for (sample, row) in zip(read, set.rows) {
        let labels = set.labels(of: row).map { ($0.label.rawValue, Array($0.value.utf8)) }
        #expect(sample.labels == Dictionary(labels) { first, _ in first })
        #expect(Double(sample.value) == row.value)
        #expect((sample.labels["user"] ?? []).count <= LabelValue.bytesLimit)
      }
    }
    #expect(Set(page.samples.map(\.series)).count == page.samples.count, "two series are alike")
  }
}

extension SampleSet {
  /// Lines on a page.
  fileprivate var sampleCount: Int { rows.count + (histogram.map { $0.bounds.count + 3 } ?? 0) }
}
