import Metrics
import TestSupport
import Testing

/// A page as another project's parser reads it.
struct ParsedPage {
  /// Label values as bytes: strings that look alike to Swift are different series to Prometheus.
  struct Sample: Hashable, Comparable {
    let name: String
    let labels: [String: [UInt8]]
    let value: String

    var series: String { "\(name) \(labels.sorted { $0.key < $1.key })" }
    static func < (a: Sample, b: Sample) -> Bool { a.series < b.series }
  }

  struct Family {
    let name: String
    let type: String
    let unit: String
    let help: String
    let samples: [Sample]
  }

  let families: [Family]

  var samples: [Sample] { families.flatMap(\.samples) }

  /// Reads `page` with prometheus_client's parser of the format.
  init(_ page: [UInt8], as format: ExpositionFormat) throws {
    let name = format == .text ? "text" : "openmetrics"
    let run = try Process.run(["python3", Files.beside("parse_exposition.py"), name], input: page)
    try #require(run.status != 3, "the Python package prometheus-client is missing (python3-prometheus-client)")
    try #require(run.status == 0, "prometheus_client refuses the page: \(run.errorText)")
    families = try #require(try JSON.parse(run.output).array).map { try Self.family($0) }
  }

  private static func family(_ json: JSON) throws -> Family {
    let samples = try #require(json["samples"]?.array).map { sample in
      Sample(
        name: try #require(sample["name"]?.string),
        labels: try #require(sample["labels"]?.object).mapValues { Array(($0.string ?? "").utf8) },
        value: try #require(sample["value"]?.string))
    }
    return Family(
      name: try #require(json["name"]?.string), type: try #require(json["type"]?.string),
      unit: json["unit"]?.string ?? "", help: try #require(json["help"]?.string), samples: samples)
  }
}

/// promtool, which a test that needs it may not do without.
func promtool(_ arguments: [String], input: [UInt8] = []) throws -> Process.Outcome {
  try #require(Process.find("promtool") != nil, "promtool is missing (Debian package prometheus)")
  return try Process.run(["promtool"] + arguments, input: input)
}
