internal import Concurrency
import Glibc

/// A path or a pattern (glob(7): `*`, `?`, `[…]`; a leading dot must be written), made absolute.
struct FilePattern: Sendable {
  /// The most directories that one pattern may spread over.
  static let directoriesLimit = 10_000

  let text: String
  let cluster: String
  let isLiteral: Bool
  private let parts: [String]

  init(_ text: String, cluster: String) {
    let absolute = text.hasPrefix("/") ? text : Self.workingDirectory + "/" + text
    parts = absolute.split(separator: "/").filter { $0 != "." }.map(String.init)
    self.text = "/" + parts.joined(separator: "/")
    self.cluster = cluster
    isLiteral = !parts.contains(where: Self.hasWildcard)
  }

  func matches(_ path: String) -> Bool {
    isLiteral ? path == text : unsafe fnmatch(text, path, FNM_PATHNAME | FNM_PERIOD) == 0
  }

  /// The directories whose names the pattern's last part is held against, in order. Those that cannot be read are told.
  func directories(unreadable: (String, SystemError) -> Void) -> [String] {
    var found = [""]
    for part in parts.dropLast() {
      guard Self.hasWildcard(part) else {
        for at in found.indices { found[at] += "/" + part }
        continue
      }
      var next: [String] = []
      for directory in found {
        do throws(SystemError) {
          var listing = try DirectoryListing(directory.isEmpty ? "/" : directory)
          while let entry = try listing.next(), next.count < Self.directoriesLimit {
            guard entry.mayBeDirectory, unsafe fnmatch(part, entry.name, FNM_PERIOD) == 0 else { continue }
            let path = directory + "/" + entry.name
            do throws(SystemError) {
              if try FileFacts(path: path).isDirectory { next.append(path) }
            } catch { if error.code != ENOENT { unreadable(path, error) } }
          }
        } catch { if error.code != ENOENT { unreadable(directory, error) } }
      }
      found = next.sorted()
    }
    return found.map { $0.isEmpty ? "/" : $0 }
  }

  private static func hasWildcard(_ part: String) -> Bool {
    part.utf8.contains { $0 == 0x2A || $0 == 0x3F || $0 == 0x5B }
  }

  private static var workingDirectory: String {
    // SAFETY: with no buffer given, getcwd allocates one that ends with a zero byte and is ours to free.
    guard let raw = unsafe getcwd(nil, 0) else { return "" }
    defer { unsafe free(raw) }
    return unsafe String(cString: raw)
  }
}

/// A path's directory and last part.
struct PathParts {
  let directory: String
  let name: String

  init(_ path: String) {
    let cut = path.lastIndex(of: "/")
    directory = cut.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    name = cut.map { String(path[path.index(after: $0)...]) } ?? path
  }

  static func join(_ directory: String, _ name: String) -> String {
    directory == "/" ? "/" + name : directory + "/" + name
  }
}
