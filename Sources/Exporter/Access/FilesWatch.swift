internal import Concurrency
internal import Diagnostics

/// Sees when files change, by their facts: a certificate is renewed and nobody tells us.
///
/// It looks once a second, and tells of a change when the files have stayed the same for one such round: certificate and key
/// are seldom replaced in one step.
final class FilesWatch: Sendable {
  static let milliseconds = 1_000

  private let isStopped = Monitor(false)
  private let thread: NamedThread

  /// - Parameters:
  ///   - files: the files to look at now.
  ///   - changed: called on the watch's own thread; at first once without a change, for what happened before it looked.
  /// - Errors: reason `thread`.
  init(
    _ files: @escaping @Sendable () -> [String], changed: @escaping @Sendable () -> Void
  ) throws(Failure) {
    let isStopped = self.isStopped
    thread = try NamedThread("file-watch", stackBytes: 512 << 10) {
      var known: FilesSeen?
      var last: FilesSeen?
      while true {
        let now = FilesSeen(files())
        if now != known, known == nil || now == last {
          known = now
          changed()
        }
        last = now
        if isStopped.wait(milliseconds: Self.milliseconds, until: { $0 ? true : nil }) == true { return }
      }
    }
  }

  /// Call it once.
  func stop() {
    isStopped.update { $0 = true }
    thread.join()
  }
}

/// Which files there were and what they were like, to see whether one has changed.
struct FilesSeen: Sendable, Equatable {
  private let facts: [String: FileFacts?]

  init(_ paths: [String]) {
    facts = Dictionary(paths.map { ($0, try? FileFacts(path: $0)) }, uniquingKeysWith: { first, _ in first })
  }
}
