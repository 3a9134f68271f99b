/// How rotation names the files it puts aside.
///
/// - Source: logrotate (`name.1`, `name-20240131`, `name.2.gz`), lumberjack and so kube-apiserver
///   (`stem-2024-01-31T00-00-00.000.ext`, `….gz`).
enum BackupName {
  /// The live names that a file called `name` may be a backup of; none when it looks like no backup.
  static func liveNames(of name: String) -> [String] {
    let plain = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
    var found = plain == name ? [] : [plain]
    // name.1, name-20240131, name.2024-01-31_00
    var at = plain.endIndex
    while at > plain.startIndex {
      let before = plain.index(before: at)
      guard isStamp(plain[before]) else { break }
      at = before
      let separator = plain[at] == "." || plain[at] == "-" || plain[at] == "_"
      let next = plain.index(after: at)
      if separator, at > plain.startIndex, next < plain.endIndex, plain[next].isNumber {
        found.append(String(plain[..<at]))
      }
    }
    return found + lumberjack(plain)
  }

  /// `stem-<digits and separators>.ext` → `stem.ext`.
  private static func lumberjack(_ name: String) -> [String] {
    guard let dot = name.lastIndex(of: "."), name.index(after: dot) < name.endIndex else { return [] }
    var found: [String] = []
    var at = dot
    while at > name.startIndex {
      let before = name.index(before: at)
      guard isStamp(name[before]) else { break }
      if name[before] == "-", at < dot, name[at].isNumber, before > name.startIndex {
        found.append(String(name[..<before] + name[dot...]))
      }
      at = before
    }
    return found
  }

  private static func isStamp(_ character: Character) -> Bool {
    character.isASCII && (character.isNumber || "-._:TZ+".contains(character))
  }
}
