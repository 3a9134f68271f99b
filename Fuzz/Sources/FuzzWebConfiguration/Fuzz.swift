import Diagnostics
import FuzzSupport
import Glibc
import YAML

@testable import Exporter

/// Where the file is written: FUZZ_FOLDER, else /tmp. Seeds may name files that lie there.
private let path: String = {
  let folder = unsafe getenv("FUZZ_FOLDER").map { unsafe String(cString: $0) } ?? "/tmp"
  return "\(folder)/web-\(getpid()).yml"
}()

/// Stands for a secret: seeds and dictionary put it where keys and hashes belong.
private let mark = "hunter2"

/// Whether the mark stands in the file once, and that where a key or a hash belongs: then nothing may show it.
private func hidesMark(_ text: [UInt8]) -> Bool {
  var limits = YAMLDocument.Limits()
  limits.nodes = 20_000
  guard text.count(of: mark) == 1,
    case .success(let root) = Result(catching: { () throws(Failures) in
      try YAMLDocument.parse(text, file: "", limits: limits)
    }), case .mapping(let sections) = root.value
  else { return false }
  for section in sections {
    guard case .mapping(let entries) = section.value.value else { continue }
    for entry in entries {
      let isSecret = section.key == "basic_auth_users" || section.key == "tls_server_config" && entry.key == "key"
      if isSecret, case .scalar(let scalar) = entry.value.value, scalar.text.contains(mark) { return true }
    }
  }
  return false
}

extension [UInt8] {
  fileprivate func count(of part: String) -> Int {
    indices.count { self[$0...].starts(with: part.utf8) }
  }
}

private func judge(_ failures: Failures, _ text: [UInt8]) {
  demand(!failures.all.isEmpty, "refused without a reason")
  let hidesMark = hidesMark(text)
  let lines = linesOf(text)
  for failure in failures.all {
    let sentence = FailureReport.sentence(failure)
    demand(!failure.what.isEmpty && !failure.remedy.isEmpty, "without a reason or a remedy: \(sentence)")
    demand(sentence.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }, "more than a line: \(sentence)")
    demand(!hidesMark || !(failure.what + failure.remedy).contains(mark), "a secret is shown: \(sentence)")
    switch failure.place {
    case .setting(_, let file, let line):
      demand(file == path && (1...lines + 1).contains(line ?? 0), "line \(line ?? 0) of \(lines): \(sentence)")
    case .text(let file, let line, let column):
      demand(file == path && column >= 1 && (1...lines + 1).contains(line), "line \(line) of \(lines): \(sentence)")
      // What is no YAML has no tree to look for secrets in; keys that are there twice are shown.
      demand(failure.what.contains("was given before") || !failure.what.contains(mark), "shown: \(sentence)")
    default: fatalError("no place: \(sentence)")
    }
  }
}

/// What was accepted keeps its promises.
private func judge(_ loaded: WebConfigurationReader.Loaded, _ text: [UInt8]) {
  let configuration = loaded.configuration
  demand((loaded.context == nil) == (configuration.tls == nil), "TLS by halves")
  if let tls = configuration.tls {
    demand(tls.minVersion <= tls.maxVersion, "no version is left")
    demand(!tls.clients.certificates.isVerified || !tls.clients.authorities.isEmpty, "verified by nobody")
    demand(tls.clients.allowedNames == nil || tls.clients.certificates.isVerified, "names that prove nothing")
  }
  for header in configuration.headers {
    demand(header.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }, "a header of several lines")
  }
  for (user, hash) in configuration.users {
    demand(!user.contains(":") && (4...BcryptHash.costLimit).contains(hash.cost), "user or hash is not allowed")
  }
  if let limit = configuration.rateLimit {
    demand(limit.intervalMicroseconds > 0 && limit.burst > 0, "a rate limit that refuses all")
  }
  demand(!loaded.warnings.joined().contains(mark) || !hidesMark(text), "a warning shows a secret")
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  let text = unsafe bytesOfInput(data, size)
  let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
  let written = unsafe write(descriptor, text, text.count)
  demand(written == text.count, "the file cannot be written")
  close(descriptor)
  var reader = WebConfigurationReader(file: path)
  do throws(Failures) {
    judge(try reader.load(), text)
  } catch {
    judge(error, text)
  }
  return 0
}
