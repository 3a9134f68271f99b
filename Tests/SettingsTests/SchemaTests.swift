import TestSupport
import Testing
import YAML

@testable import Exporter

@Suite struct SchemaTests {
  @Test func keysAndFlagsAreWellFormedAndUnique() {
    let keys = Schema.all.map(\.key)
    #expect(Set(keys).count == keys.count)
    let flags = Schema.all.compactMap(\.flag)
    #expect(Set(flags).count == flags.count)
    for setting in Schema.all {
      #expect(
        setting.key.split(separator: ".").allSatisfy { part in
          part.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
        }, "\(setting.key)")
      #expect(setting.help.hasSuffix("."))
      // No setting is a section of another.
      #expect(!keys.contains { $0.hasPrefix(setting.key + ".") }, "\(setting.key)")
    }
  }

  /// Each example, and each default that can be written, is accepted where the page says it goes.
  @Test(arguments: Schema.all.map(\.key))
  func examplesAreAccepted(_ key: String) throws {
    let setting = try #require(Schema.all.first { $0.key == key })
    let example = SettingsDocument.example(setting)
    let (settings, found) = read(example, [("input.webhook.insecure", ["true"])])
    #expect(settings != nil, "\(example)\n\(found)")
  }

  /// What is written of a setting can be read, and is the same: messages show it.
  @Test func whatIsWrittenIsReadAgain() throws {
    let text =
      SettingsReaderTests.everything + """

        storage: {path: "a\\"b \\\\ c"}
        """
    var settings = try #require(read(text).0)
    settings.inputs.files.append(.init(path: "\"\u{301}", cluster: "null"))
    settings.inputs.webhook.writers = [.init(credential: .user("null"), clusters: ["a", "null"])]
    settings.trackedObjects += [
      .init(name: "a", resource: "null", subresources: ["", "x y"], namespace: "n", verbs: ["get"]),
      .init(name: "b", group: "", resource: "r", subresources: nil, objectName: "~", verbs: nil),
    ]
    for setting in Schema.all where !setting.isEqual(settings, Settings()) {
      var (again, complaints) = (Settings(), Complaints(file: "again"))
      let written = setting.write(settings)
      setting.read(try YAMLDocument.parse(Array(written.utf8), file: "again"), &again, &complaints)
      #expect(complaints.failures.isEmpty && setting.isEqual(settings, again), "\(setting.key): \(written)")
    }
  }

  /// The parser's flags are the schema's, both ways: asked from the parser's own description of itself.
  @Test func declaredFlagsAreTheSchemas() throws {
    let dump = try JSON.parse(output(of: ["--experimental-dump-help"]).0)
    let commands = try #require(dump["command"]?["subcommands"]?.array)
    func flags(_ command: String) throws -> Set<String> {
      let found = try #require(commands.first { $0["commandName"]?.string == command })
      let arguments = found["arguments"]?.array ?? []
      let names = arguments.filter { $0["kind"]?.string != "positional" }.flatMap { $0["names"]?.array ?? [] }
      let long = names.filter { $0["kind"]?.string == "long" }.compactMap { $0["name"]?.string }
      return Set(long.filter { !$0.hasPrefix("no-") }).subtracting(["help", "version"])
    }
    let others = { (command: String) in CommandFlag.allCases.filter { $0.commands.contains(command) }.map(\.rawValue) }
    #expect(try flags("serve") == Set(Schema.all.compactMap(\.flag) + others("serve")))
    #expect(try flags("replay") == Set(others("replay") + ["pseudonyms.key-file"]))
    #expect(try flags("pseudonym") == Set(others("pseudonym") + ["pseudonyms.key-file"]))
  }

  /// Every flag of the schema reaches the settings through the parser.
  @Test func everyFlagIsPassedOn() throws {
    try Files.withTemporaryFolder { folder in
      try Files.write(Array(repeating: 0x6B, count: 32), to: folder + "/key")
      try Files.write(Array("- list: unused\n  items: [a]\n".utf8), to: folder + "/rules")
      try passOnEveryFlag(key: folder + "/key", rules: folder + "/rules")
    }
  }

  private func passOnEveryFlag(key: String, rules: String) throws {
    let values: [String: [String]] = [
      "input.file": ["--input.file", "a", "--input.file=b"], "input.file.start": ["--input.file.start", "end"],
      "input.stdin": ["--input.stdin"], "input.webhook.listen-address": ["--input.webhook.listen-address=127.0.0.1:1"],
      "input.webhook.config.file": ["--input.webhook.config.file", "/dev/null"],
      "input.cloudwatch.region": ["--input.cloudwatch.region", "eu-west-1"],
      "input.cloudtrail.region": ["--input.cloudtrail.region", "eu-west-1"],
      "web.config.file": ["--web.config.file", "/dev/null"],
      "input.webhook.insecure": ["--input.webhook.insecure"], "cluster.name": ["--cluster.name", "x"],
      "storage.path": ["--storage.path", ""], "pseudonyms.key-file": ["--pseudonyms.key-file", key],
      "rules.file": ["--rules.file", rules], "web.listen-address": ["--web.listen-address", ":1"],
      "web.telemetry-path": ["--web.telemetry-path", "/x"],
      "web.external-url": ["--web.external-url", "http://x"], "web.route-prefix": ["--web.route-prefix", "/x"],
      "web.enable-lifecycle": ["--web.enable-lifecycle"], "web.max-requests": ["--web.max-requests", "3"],
      "log.level": ["--log.level", "debug"], "log.format": ["--log.format", "json"],
    ]
    let defaults = try #require(served(["--input.file", "z"]))
    for setting in Schema.all {
      guard let flag = setting.flag else { continue }
      let arguments = try #require(values[flag], "no example for --\(flag)")
      let settings = try #require(served(arguments + (flag == "input.file" ? [] : ["--input.file", "z"])))
      let changed = Schema.all.filter { !$0.isEqual(defaults, settings) }.map(\.key)
      #expect(changed == [setting.key])
    }
  }

  /// docs/configuration.md is what the schema makes. `swift run kube-audit-exporter docs configuration` writes it.
  @Test func pageIsFresh() throws {
    let page = try Files.read(Files.beside("../../docs/configuration.md"))
    #expect(String(decoding: page, as: UTF8.self) == SettingsDocument.markdown)
    for setting in Schema.all { #expect(SettingsDocument.markdown.contains("### \(setting.key)\n")) }
  }
}
