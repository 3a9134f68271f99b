internal import Diagnostics

/// Makes sentences of failures; nothing else does.
///
/// `setting queue.limit_bytes (conf.yaml, line 7): 12 is less than 1MiB. Write 1MiB to 4GiB.` One line each: what came from
/// a file or a system is escaped and cut.
enum FailureReport {
  static func sentence(_ failure: Failure) -> String {
    let place = self.place(failure.place)
    let remedy = failure.remedy.isEmpty ? "" : " " + ended(failure.remedy)
    return (place.isEmpty ? "" : safe(place) + ": ") + ended(failure.what) + remedy
  }

  /// One line each, in the given order, with a line feed at the end.
  static func lines(_ failures: [Failure]) -> String {
    failures.map { sentence($0) + "\n" }.joined()
  }

  private static func place(_ place: Failure.Place) -> String {
    switch place {
    case .file(let path, let byteOffset): "\(path), byte \(byteOffset)"
    case .path(let path): path
    case .setting(let key, _, _) where key.hasPrefix("--"): "flag \(key)"
    // A key may be empty, and is then shown as what it is.
    case .setting("", let file, let line): self.place(.setting(key: "\"\"", file: file, line: line))
    case .setting(let key, let file?, let line?): "setting \(key) (\(file), line \(line))"
    case .setting(let key, let file?, nil): "setting \(key) (\(file))"
    case .setting(let key, _, _): "setting \(key)"
    case .text(let file, let line, let column): "\(file), line \(line), column \(column)"
    case .request(let method, let host, let path): "\(method) \(host)\(path)"
    case .address(let address): "address \(address)"
    case .process: ""
    }
  }

  private static func ended(_ text: String) -> String { safe(text) + (text.hasSuffix("?") ? "" : ".") }

  private static func safe(_ text: String) -> String { SafeText.escaped(text, limitBytes: 500) }
}
