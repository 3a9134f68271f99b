import Glibc
import Metrics
import TestSupport
import Testing

/// Pages against golden files. `RECORD_GOLDEN=1` writes them anew, and such a run fails.
@Suite struct GoldenTests {
  @Test(arguments: SamplePages.all.map(\.name), ExpositionFormat.allCases)
  func pageIsAsRecorded(name: String, format: ExpositionFormat) throws {
    let readings = try #require(SamplePages.all.first { $0.name == name }).readings
    let page = Exposition.render(readings, as: format)
    #expect(page == Exposition.render(readings, as: format), "two pages of one state differ")
    let path = Self.path(name, format)
    if unsafe getenv("RECORD_GOLDEN") != nil {
      try Files.write(page, to: path)
      Issue.record("recorded \(path): read the difference and run again without RECORD_GOLDEN")
      return
    }
    let golden = try Files.read(path)
    #expect(
      String(decoding: page, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        == String(decoding: golden, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false))
    #expect(page == golden)
  }

  @Test func everyFamilyIsInAGoldenFile() throws {
    let golden = String(decoding: try Files.read(Self.path("every-family", .text)), as: UTF8.self)
    let types = golden.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
    #expect(types.map(String.init) == Families.all.map(\.name))
  }

  static func path(_ name: String, _ format: ExpositionFormat) -> String {
    Files.beside("Golden/\(name).\(format == .text ? "prom" : "openmetrics")")
  }
}
