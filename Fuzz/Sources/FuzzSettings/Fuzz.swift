import Diagnostics
import FuzzSupport
import YAML

@testable import Exporter

/// Lines `--name=value` at the beginning are flags, the rest is the file.
private struct Given {
  var flags: [GivenFlag] = []
  var file: [UInt8]

  init(_ bytes: [UInt8]) {
    var rest = bytes[...]
    var values: [String: [String]] = [:]
    while rest.starts(with: "--".utf8) {
      let line = rest.prefix { $0 != 0x0a }
      rest = rest.dropFirst(line.count + 1)
      let parts = line.dropFirst(2).split(separator: 0x3d, maxSplits: 1, omittingEmptySubsequences: false)
      let (name, value) = (String(decoding: parts[0], as: UTF8.self), parts.count == 2 ? Array(parts[1]) : [])
      // The parser of the command line takes no other.
      guard Schema.setting(flag: name) != nil else { continue }
      values[name, default: []].append(String(decoding: value, as: UTF8.self))
    }
    flags = values.sorted { $0.key < $1.key }.map { GivenFlag(name: $0.key, values: $0.value) }
    file = Array(rest)
  }
}

private func read(_ text: [UInt8], _ flags: [GivenFlag]) -> Result<Settings, Failures> {
  Result { () throws(Failures) in
    try SettingsReader.settings(text: text, file: "conf.yaml", flags: flags, needsInput: false)
  }
}

/// Every failure names its place and a remedy, in one line.
private func judge(_ failures: Failures, _ given: Given) {
  demand(!failures.all.isEmpty, "refused without a reason")
  let lines = linesOf(given.file)
  for failure in failures.all {
    let sentence = FailureReport.sentence(failure)
    demand(!failure.what.isEmpty && !failure.remedy.isEmpty, "without a reason or a remedy: \(sentence)")
    demand(sentence.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }, "more than a line: \(sentence)")
    switch failure.place {
    case .setting(let key, let file, let line):
      demand(!sentence.hasPrefix("setting  ") && (file == nil) == (line == nil), "a place by halves: \(sentence)")
      if let line { demand((1...lines + 1).contains(line), "line \(line) of \(lines): \(sentence)") }
      // Values of the file are complained about with their line, those of flags with the flag.
      let isDefault = !key.hasPrefix("--") && file == nil
      demand(!isDefault || Schema.all.contains { $0.key == key }, "no such setting: \(sentence)")
    case .text(_, let line, let column):
      demand(line >= 1 && column >= 1 && line <= lines + 1, "line \(line) of \(lines): \(sentence)")
    default: demand(failure.place == .path("conf.yaml"), "a strange place: \(sentence)")
    }
  }
}

/// What was accepted, written and read again, is the same.
private func roundTrip(_ settings: Settings) {
  let defaults = Settings()
  for setting in Schema.all where !setting.isEqual(settings, defaults) {
    let text = setting.write(settings)
    var (again, complaints) = (Settings(), Complaints(file: "again"))
    guard
      case .success(let node) = Result(catching: { () throws(Failures) in
        try YAMLDocument.parse(Array(text.utf8), file: "again")
      })
    else { fatalError("\(setting.key) cannot be parsed again: \(text)") }
    setting.read(node, &again, &complaints)
    demand(complaints.failures.isEmpty, "\(setting.key) cannot be read again: \(text) \(complaints.failures)")
    demand(setting.isEqual(settings, again), "\(setting.key) is another one when it is read again: \(text)")
  }
}

/// What flags say holds, and what they leave alone is the file's.
private func precedence(_ both: Settings, _ given: Given) {
  let names = Set(given.flags.map(\.name))
  if case .success(let flagged) = read([], given.flags) {
    for setting in Schema.all where setting.flag.map(names.contains) == true {
      demand(setting.isEqual(both, flagged), "the file wins over --\(setting.flag ?? "")")
    }
  }
  if case .success(let filed) = read(given.file, []) {
    for setting in Schema.all where setting.flag.map(names.contains) != true {
      demand(setting.isEqual(both, filed), "a flag has changed \(setting.key)")
    }
  }
}

/// Whatever was accepted can be put to work, and nothing of it is lost on the way.
private func wiring(_ settings: Settings) {
  let counting = settings.counting(inputs: ["file"])
  demand(counting.trustedProxies.count == settings.trustedProxies.count, "a network was dropped")
  for (object, told) in zip(settings.trackedObjects, counting.trackedObjects.suffix(settings.trackedObjects.count)) {
    if let verbs = object.verbs { demand(told.verbs.count == Set(verbs).count, "a verb was dropped") }
  }
  demand(settings.queueBudgetBytes > 0 && counting.windows.allSatisfy { $0.seconds >= 30 }, "not within bounds")
  _ = settings.inputSettings
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  let given = Given(unsafe bytesOfInput(data, size))
  switch read(given.file, given.flags) {
  case .failure(let failures): judge(failures, given)
  case .success(let settings):
    roundTrip(settings)
    precedence(settings, given)
    wiring(settings)
  }
  return 0
}
