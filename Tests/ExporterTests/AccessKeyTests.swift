import AWS
import Diagnostics
import TestSupport
import Testing

@testable import Exporter

@Suite struct AccessKeyTests {
  private static let environment = ProcessEnvironment(["FIRST": "0123456789abcdef0123", "SHORT": "0123456789"]) { _ in
    []
  }

  private static func keys(
    _ keys: [Settings.Firehose.AccessKey], insecure: Bool = false
  ) throws(Failures) -> AccessKeys {
    var settings = Settings.Firehose()
    settings.accessKeys = keys
    settings.isInsecure = insecure
    var files: [String] = []
    return try AccessKeys(settings, environment, files: &files)
  }

  @Test func severalKeysEachWithItsClusters() throws {
    try Files.withTemporaryFolder { folder in
      try Files.write(Array("another-key-of-24-bytes\r\n".utf8), to: folder + "/plain")
      try Files.write(Array(#"{"api_key":"a-key-of-secrets-manager"}"#.utf8), to: folder + "/secret")
      let keys = try Self.keys([
        .init(place: .variable("FIRST"), clusters: nil), .init(place: .file(folder + "/plain"), clusters: ["prod"]),
        .init(place: .file(folder + "/secret"), clusters: ["test"]),
      ])
      #expect(keys.judge("0123456789abcdef0123") == .right(nil))
      #expect(keys.judge("another-key-of-24-bytes") == .right(["prod"]))
      #expect(keys.judge(#"{"api_key":"another-key-of-24-bytes"}"#) == .right(["prod"]))
      #expect(keys.judge("a-key-of-secrets-manager") == .right(["test"]))
      #expect(keys.judge(#"{ "user": [1], "api_key" : "a-key-of-secrets-manager" }"#) == .right(["test"]))
      for wrong in [
        nil, "", "0123456789abcdef012", "0123456789abcdef01234", "0123456789ABCDEF0123", #"{"api_key":""}"#,
        #"{"api_key":"0123456789abcdef0123""#, #"{"api_key":null}"#, "{}", "{", "0123456789abcdef0123, x",
      ] {
        #expect(keys.judge(wrong) == .wrong, "\(wrong ?? "nothing")")
      }
    }
  }

  @Test func withoutKeysNobodyUnlessItIsSaid() throws {
    #expect(AccessKeys().judge("") == .wrong && AccessKeys().judge(nil) == .wrong)
    #expect(try Self.keys([]).judge("0123456789abcdef0123") == .wrong)
    #expect(try Self.keys([], insecure: true).judge(nil) == .right(nil))
    // Where keys are given, they are asked for, whatever else is said.
    #expect(try Self.keys([.init(place: .variable("FIRST"), clusters: nil)], insecure: true).judge("x") == .wrong)
  }

  @Test func whatIsNoKeyIsRefusedAndNotQuoted() throws {
    try Files.withTemporaryFolder { folder in
      try Files.write(Array("two words and a secret".utf8), to: folder + "/blanks")
      try Files.write([UInt8](repeating: 0x61, count: 5000), to: folder + "/long")
      let places: [Settings.Firehose.AccessKey.Place] = [
        .variable("SHORT"), .variable("MISSING"), .file(folder + "/blanks"), .file(folder + "/long"),
        .file(folder + "/missing"),
      ]
      do throws(Failures) {
        _ = try Self.keys(places.map { .init(place: $0, clusters: nil) })
        Issue.record("taken")
      } catch {
        #expect(error.all.count == places.count)
        #expect(!"\(error)".contains("secret") && !"\(error)".contains("0123456789"))
        let sentences = error.all.map { FailureReport.sentence($0) }.joined()
        #expect(sentences.contains("MISSING") && sentences.contains("openssl rand"))
      }
    }
  }

  /// The same keys are the same rights: a reload knows whether anything has changed.
  @Test func rightsKnowWhetherTheyAreOthers() throws {
    let first = try Self.keys([.init(place: .variable("FIRST"), clusters: nil)])
    #expect(PushRights([], keys: first) == PushRights([], keys: first))
    #expect(try PushRights([], keys: first) != PushRights([], keys: Self.keys([])))
    #expect(try Self.keys([.init(place: .variable("FIRST"), clusters: ["a"])]) != first)
  }
}
