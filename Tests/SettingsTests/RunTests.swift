import Diagnostics
import TestSupport
import Testing

@testable import Exporter

/// What a run was given and wrote. Unchecked: a run is over before anybody reads.
final class Recorder: @unchecked Sendable {
  var out = ""
  var error = ""
  var serve: ServeOptions?
  var replay: ReplayOptions?
}

func record(_ arguments: [String]) -> (Int32, Recorder) {
  let recorder = Recorder()
  let commands = Commands(
    serve: {
      recorder.serve = $0
      return 40
    },
    replay: {
      recorder.replay = $0
      return 41
    }, metricsDocument: { "# Metrics\n" })
  let console = Console(out: { recorder.out += $0 }, error: { recorder.error += $0 })
  return (run(arguments: arguments, commands: commands, console: console), recorder)
}

func output(of arguments: [String]) -> (String, Int32) {
  let (code, recorder) = record(arguments)
  return (recorder.out, code)
}

func served(_ arguments: [String]) -> Settings? { record(arguments).1.serve?.settings }

@Suite struct RunTests {
  @Test func serveIsTheDefault() {
    for arguments in [["--input.file", "x"], ["serve", "--input.file=x"]] {
      let (code, recorder) = record(arguments)
      #expect(code == 40)
      #expect(recorder.serve?.settings.inputs.files == [.init(path: "x")])
      #expect(recorder.out.isEmpty && recorder.error.isEmpty)
    }
  }

  @Test(arguments: [["--storage.path", ""], ["--storage.path="]])
  func anEmptyValueIsAValue(_ storage: [String]) throws {
    let settings = try #require(served(["--input.file=a="] + storage))
    #expect(settings.storagePath.isEmpty)
    #expect(settings.inputs.files == [.init(path: "a=")])
    #expect(record(["replay", "--", "--storage.path="]).1.replay?.files == ["--storage.path="])
  }

  @Test func replayTakesFilesAndStandardInput() {
    let (code, recorder) = record(["replay", "--format", "json", "a", "-", "b"])
    #expect(code == 41)
    #expect(recorder.replay?.files == ["a", "-", "b"])
    #expect(recorder.replay?.format == .json)
    #expect(record(["replay", "a"]).1.replay?.format == .table)
  }

  @Test(arguments: [
    ["--nope"], ["replay"], ["replay", "--format", "xml", "a"], ["--log.level"], ["serve", "stray"], ["docs", "x"],
    ["replay", "--input.file", "x", "y"], ["replay", "-", "a", "-"],
  ])
  func wrongCommandLinesExitWith2(_ arguments: [String]) {
    let (code, recorder) = record(arguments)
    #expect(code == 2)
    #expect(recorder.out.isEmpty)
    #expect(recorder.error.hasPrefix("Error: "))
    #expect(recorder.serve == nil && recorder.replay == nil)
  }

  @Test(arguments: [["--help"], ["-h"], ["help"], ["help", "serve"], ["serve", "--help"], ["replay", "-h"]])
  func helpExitsWith0(_ arguments: [String]) {
    let (code, recorder) = record(arguments)
    #expect(code == 0)
    #expect(recorder.out.contains("USAGE: kube-audit-exporter"))
    #expect(!recorder.out.contains("docs "))
    #expect(recorder.error.isEmpty)
  }

  @Test func version() {
    let (text, code) = output(of: ["--version"])
    #expect(code == 0)
    let lines = text.split(separator: "\n")
    #expect(lines.first == "kube-audit-exporter, version \(Version.version) (branch: unknown, revision: unknown)")
    #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("  ") && $0.firstIndex(of: ":") != nil })
    #expect(lines.last?.hasPrefix("  platform:         linux/") == true)
  }

  @Test func configCheck() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/c.yaml"
      try Files.write(Array("inputs: {file: /var/log/a.log}\n".utf8), to: path)
      let (code, recorder) = record(["--config.check", "--config.file", path])
      #expect(code == 0)
      #expect(recorder.out == "SUCCESS: \(path) is valid\n")
      #expect(recorder.serve == nil)

      try Files.write(Array("inputs: {flie: /var/log/a.log}\nlog: {level: x}\n".utf8), to: path)
      for arguments in [["--config.check", "--config.file", path], ["--config.file", path]] {
        let (code, recorder) = record(arguments)
        #expect(code == 1)
        #expect(recorder.out.isEmpty && recorder.serve == nil)
        #expect(recorder.error.split(separator: "\n").count == 2)
      }
    }
  }

  @Test func reloadReadsTheFileAgainAndKeepsTheFlags() throws {
    try Files.withTemporaryFolder { folder in
      let path = folder + "/c.yaml"
      try Files.write(Array("log: {level: warn, format: json}\n".utf8), to: path)
      let (_, recorder) = record(["--config.file", path, "--input.stdin", "--log.level=error"])
      let options = try #require(recorder.serve)
      try Files.write(Array("log: {level: debug}\nclusters: [{name: a}]\n".utf8), to: path)
      let again = try options.load()
      #expect(again.log.level == .error && again.log.format == .logfmt && again.inputs.stdin)
      #expect(again.clusters == [.init(name: "a")])
      try Files.write(Array("log: [\n".utf8), to: path)
      #expect(throws: Failures.self) { try options.load() }
    }
  }

  @Test func pages() {
    #expect(output(of: ["docs", "metrics"]).0 == "# Metrics\n")
    #expect(output(of: ["docs", "configuration"]).0 == SettingsDocument.markdown)
  }
}

@Suite struct FailureReportTests {
  @Test(arguments: [
    (Failure.Place.file(path: "a.log", byteOffset: 7), "a.log, byte 7: x. Do y."),
    (.path("a.log"), "a.log: x. Do y."),
    (.setting(key: "a.b", file: "c", line: 3), "setting a.b (c, line 3): x. Do y."),
    (.setting(key: "a.b", file: nil, line: nil), "setting a.b: x. Do y."),
    (.setting(key: "--a.b", file: nil, line: nil), "flag --a.b: x. Do y."),
    (.text(file: "c", line: 3, column: 4), "c, line 3, column 4: x. Do y."),
    (.request(method: "GET", host: "h", path: "/p"), "GET h/p: x. Do y."),
    (.address(":1"), "address :1: x. Do y."),
    (.process, "x. Do y."),
  ])
  func sentences(_ place: Failure.Place, _ sentence: String) {
    #expect(FailureReport.sentence(Failure(.init("r"), "x", at: place, remedy: "Do y")) == sentence)
  }

  @Test func hostileTextStaysOnOneLine() {
    let failure = Failure(
      .init("r"), "\u{1B}[2J\n" + String(repeating: "é", count: 1000), at: .path("a\r\u{202E}b"), remedy: "")
    let sentence = FailureReport.sentence(failure)
    #expect(!sentence.unicodeScalars.contains { SafeText.isUnsafe($0) })
    #expect(sentence.utf8.count < 600)
    #expect(
      FailureReport.sentence(Failure(.init("r"), "x", at: .process, remedy: "Did you mean z?")) == "x. Did you mean z?")
  }
}
