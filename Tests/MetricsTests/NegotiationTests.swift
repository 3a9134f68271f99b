import Metrics
import TestSupport
import Testing

@Suite struct NegotiationTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let accept: String?
    let contentType: String
    var testDescription: String { accept ?? "no header" }

    init(_ accept: String?, _ contentType: String) {
      self.accept = accept
      self.contentType = contentType
    }
  }

  static let text = "text/plain; version=0.0.4; charset=utf-8"
  static let openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
  static let oldOpenMetrics = "application/openmetrics-text; version=0.0.1; charset=utf-8"
  static let escaping = "; escaping=underscores"

  static let rows: [Row] = [
    // Prometheus 2.42, then 3.x.
    Row(
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", openMetrics),
    Row(
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
      openMetrics + escaping),
    Row(
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
        + "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,*/*;q=0.2", openMetrics + escaping),
    // Nothing, anything, nonsense.
    Row(nil, text), Row("", text), Row("*/*", text), Row("text/*", text), Row(";;;,,,=;q", text), Row("garbage", text),
    Row("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", text),
    Row("application/json", text), Row("application/openmetrics-text;version=2.0.0", text),
    Row("text/plain;version=1.0.0;escaping=values", text),
    // Versions.
    Row("application/openmetrics-text", oldOpenMetrics),
    Row("application/openmetrics-text;version=0.0.1", oldOpenMetrics),
    Row("text/plain", text), Row("text/plain;version=0.0.4", text),
    Row("text/plain;version=0.0.4;escaping=dots", text + escaping),
    // By preference, not by place; the first of equals; 0 is a refusal.
    Row("text/plain;version=0.0.4;q=0.3,application/openmetrics-text;version=1.0.0;q=0.4", openMetrics),
    Row("application/openmetrics-text;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.5", text),
    Row("text/plain,application/openmetrics-text;version=1.0.0", text),
    Row("application/openmetrics-text;version=1.0.0,text/plain", openMetrics),
    Row("application/openmetrics-text;version=1.0.0;q=0", text), Row("*/*;q=0", text),
    Row(
      "application/openmetrics-text;version=1.0.0;q=0,application/openmetrics-text;q=0.1", oldOpenMetrics),
    Row("application/openmetrics-text;version=1.0.0;q=0.0000001", openMetrics),
    Row("application/openmetrics-text;version=1.0.0;q=nan,text/plain;q=0.1", text),
    Row("application/openmetrics-text;version=1.0.0;q=7,text/plain", openMetrics),
    // Spelling.
    Row("Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Charset=UTF-8", openMetrics),
    Row("  application/openmetrics-text;version=1.0.0;q=\"0.4\" , text/plain;q=0.3  ", openMetrics),
  ]

  @Test(arguments: rows) func contentType(row: Row) {
    let chosen = Negotiation(accept: row.accept, acceptEncoding: nil)
    #expect(chosen.contentType == row.contentType)
    #expect(chosen.format == (row.contentType.hasPrefix("text/plain") ? .text : .openMetrics))
  }

  @Test(
    arguments: [
      (nil, .identity), ("", .identity), ("gzip", .gzip), ("GZIP", .gzip), ("gzip, deflate, br, zstd", .gzip),
      ("deflate", .identity), ("identity", .identity), ("*", .identity), ("gzip;q=0", .identity), ("gzip;q=0.5", .gzip),
      ("identity, gzip", .identity), ("gzip, identity;q=0.5", .gzip), ("gzip;q=0.4, identity;q=0.5", .identity),
      ("identity;q=0, gzip;q=0.1", .gzip), ("*;q=0.5, gzip", .gzip), ("*;q=0.5, gzip;q=0", .identity),
      ("identity;q=0, *", .gzip), (" gzip ; q = 1 ", .gzip), ("gzip;q=x", .identity), ("zgzip", .identity),
    ] as [(String?, Negotiation.Encoding)])
  func encoding(header: String?, expected: Negotiation.Encoding) {
    #expect(Negotiation(accept: nil, acceptEncoding: header).encoding == expected)
  }

  @Test func longHeadersAreReadInPart() {
    let filler = String(repeating: "a/b,", count: 100_000)
    #expect(Negotiation(accept: filler + "application/openmetrics-text", acceptEncoding: filler).format == .text)
    #expect(Negotiation(accept: "application/openmetrics-text," + filler, acceptEncoding: nil).format == .openMetrics)
  }

  @Test(arguments: UInt64(1)...50) func anyHeaderIsAnswered(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let pieces = [
      "application/openmetrics-text", "text/plain", "version=1.0.0", "q=0.5", "q=", ";", ",", "=", "\"", " ", "*",
    ]
    for _ in 0..<200 {
      let header = (0..<random.pick(0...20)).map { _ in pieces[random.pick(0...pieces.count - 1)] }.joined()
      let chosen = Negotiation(accept: header, acceptEncoding: header)
      #expect([Self.text, Self.openMetrics, Self.oldOpenMetrics].contains(chosen.contentType))
      #expect(chosen.encoding == .identity)
    }
  }
}
