internal import Concurrency
import Glibc

/// One look at everything that a pattern matches, in pieces, so that a million files need no list of a million names.
final class PatternWalk {
  struct Found {
    let path: String
    let facts: FileFacts
  }

  /// The most names of a directory that are sorted at a time.
  static let pieceLimit = 4096

  let pattern: FilePattern
  /// The directories that it goes through.
  let directories: [String]
  private var at = 0
  private var listing: DirectoryListing?
  private let failed: (String, SystemError) -> Void

  init(_ pattern: FilePattern, failed: @escaping (String, SystemError) -> Void) {
    self.pattern = pattern
    self.failed = failed
    directories = pattern.directories(unreadable: failed)
  }

  /// The next files of one directory, the one that was written first at the front, as rotation leaves them; nil when
  /// all were given.
  func next() -> [Found]? {
    while at < directories.count {
      if listing == nil, !open() { continue }
      let found = piece()
      if found.isEmpty {
        listing = nil
        at += 1
        continue
      }
      return found.sorted { ($0.facts.modified, $0.path) < ($1.facts.modified, $1.path) }
    }
    return nil
  }

  private func open() -> Bool {
    do throws(SystemError) {
      listing = try DirectoryListing(directories[at])
      return true
    } catch {
      failed(directories[at], error)
      at += 1
      return false
    }
  }

  private func piece() -> [Found] {
    var found: [Found] = []
    while found.count < Self.pieceLimit, let entry = nextEntry() {
      let path = PathParts.join(directories[at], entry.name)
      guard pattern.matches(path) else { continue }
      do throws(SystemError) {
        let facts = try FileFacts(path: path)
        if facts.isRegular { found.append(Found(path: path, facts: facts)) }
      } catch {
        // Gone since it was listed, or a link that leads nowhere yet.
        if error.code != ENOENT { failed(path, error) }
      }
    }
    return found
  }

  private func nextEntry() -> DirectoryListing.Entry? {
    do throws(SystemError) { return try listing?.next() } catch {
      failed(directories[at], error)
      return nil
    }
  }
}
