/// The formats in which a page can be written.
public enum ExpositionFormat: String, CaseIterable, Sendable {
  /// Prometheus' text format 0.0.4.
  case text
  /// OpenMetrics 1.0.0.
  case openMetrics

  /// The `Content-Type` of a page in this format.
  public var contentType: String {
    switch self {
    case .text: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }
}

/// Writes readings as a page for scrapers.
///
/// - Order: families as in the table, series as their owner gave them: two pages of equal readings are equal bytes.
/// - A family without a series is left out, its `# TYPE` included.
/// - Labels come rendered and escaped in the sample sets; names and help texts need no escaping (tests hold that).
/// - Source: the exposition formats' specifications, text 0.0.4 and OpenMetrics 1.0.0.
public enum Exposition {
  /// The whole page.
  public static func render(_ readings: Readings, as format: ExpositionFormat) -> [UInt8] {
    var page: [UInt8] = []
    render(readings, as: format) { page += $0 }
    return page
  }

  /// Gives the page to `take` in pieces of about `pieceBytes`, so that nobody needs to hold the whole of it.
  public static func render(
    _ readings: Readings, as format: ExpositionFormat, pieceBytes: Int = 64 << 10, _ take: ([UInt8]) -> Void
  ) {
    var piece: [UInt8] = []
    piece.reserveCapacity(pieceBytes + 4096)
    for family in Families.all {
      let samples = readings[family.id]
      guard !samples.isEmpty else { continue }
      appendHead(of: family, as: format, to: &piece)
      append(samples, of: family, as: format, to: &piece, pieceBytes, take)
      if let histogram = samples.histogram { append(histogram, of: family, to: &piece) }
    }
    if format == .openMetrics { piece += end }
    take(piece)
  }

  private static let end = Array("# EOF\n".utf8)

  private static func appendHead(of family: Family, as format: ExpositionFormat, to page: inout [UInt8]) {
    switch format {
    case .text:
      let kind = family.kind == .info ? .gauge : family.kind
      page += "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(kind.rawValue)\n".utf8
    case .openMetrics:
      let name = family.openMetricsName
      page += "# TYPE \(name) \(family.kind.rawValue)\n".utf8
      if let unit = family.unit { page += "# UNIT \(name) \(unit.rawValue)\n".utf8 }
      page += "# HELP \(name) \(family.help)\n".utf8
    }
  }

  private static func append(
    _ samples: SampleSet, of family: Family, as format: ExpositionFormat, to page: inout [UInt8], _ pieceBytes: Int,
    _ take: ([UInt8]) -> Void
  ) {
    let exemplars = format == .openMetrics ? samples.exemplars : [:]
    var row = 0
    let name = Array(family.name.utf8)
    let open = name + [UInt8(ascii: "{")]
    samples.forEach { prefix, labels, value in
      if prefix.isEmpty, labels.isEmpty {
        page += name
      } else {
        page += open
        page += prefix
        page += labels
        page.append(UInt8(ascii: "}"))
      }
      page.append(UInt8(ascii: " "))
      appendNumber(value, to: &page)
      if !exemplars.isEmpty, let exemplar = exemplars[row] { append(exemplar, to: &page) }
      row += 1
      page.append(UInt8(ascii: "\n"))
      if page.count >= pieceBytes {
        take(page)
        page.removeAll(keepingCapacity: true)
      }
    }
  }

  /// ` # {audit_id="…"} 1 1767600000.1`: the sample grew by one then.
  private static func append(_ exemplar: Exemplar, to page: inout [UInt8]) {
    page += " # {".utf8
    page += exemplar.label
    page += "} 1 ".utf8
    appendNumber(exemplar.seconds, to: &page)
  }

  /// Buckets hold everything up to their bound, those below included.
  private static func append(_ histogram: Histogram, of family: Family, to page: inout [UInt8]) {
    func line(_ suffix: String, _ value: Double) {
      page += "\(family.name)\(suffix) ".utf8
      appendNumber(value, to: &page)
      page.append(UInt8(ascii: "\n"))
    }
    var total: UInt64 = 0
    for (bound, count) in zip(histogram.bounds, histogram.counts) {
      total += count
      line("_bucket{le=\"\(bound)\"}", Double(total))
    }
    let count = Double(histogram.count)
    line("_bucket{le=\"+Inf\"}", count)
    line("_sum", histogram.sum)
    line("_count", count)
  }
}
