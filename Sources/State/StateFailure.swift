internal import Concurrency
public import Diagnostics
import Glibc

extension Failure.Reason {
  /// Another process uses the state.
  public static let stateLocked = Failure.Reason("state_locked")
  /// The file is damaged.
  public static let stateDamaged = Failure.Reason("state_damaged")
  /// The file is something else, or another program's.
  public static let stateForeign = Failure.Reason("state_foreign")
  /// The file was written by a newer version of the exporter.
  public static let stateNewer = Failure.Reason("state_newer")
  /// The file or its directory cannot be written or created.
  public static let stateDenied = Failure.Reason("state_denied")
  /// The file was removed or replaced under a running exporter.
  public static let stateReplaced = Failure.Reason("state_replaced")
  /// There is no space left.
  public static let stateFull = Failure.Reason("state_full")
  /// Any other error of reading or writing.
  public static let stateFailed = Failure.Reason("state_failed")
}

/// What is wrong with the state, and what to do about it.
enum StateFailure {
  private static let startAnew = "Restore a copy of it, or move it away to start again with counts at 0"
  private static let otherPlace = "choose another --storage.path, or an empty one to keep counts in memory only"

  static func of(_ error: DatabaseError, _ path: String) -> Failure {
    if error.isBusy { return locked(path) }
    if error.isDamage { return damaged(path, error.text) }
    if error.isFull {
      return Failure(.stateFull, "there is no space left for it", at: .path(path), remedy: "Make room on its disk")
    }
    if error.isDenied { return denied(path, error.text) }
    return Failure(
      .stateFailed, "it cannot be read or written: \(error.text) (code \(error.code))", at: .path(path),
      remedy: "Look for errors of the disk in the system's log")
  }

  static func of(_ error: SystemError, _ path: String) -> Failure {
    if error.code == ENOSPC || error.code == EDQUOT {
      return Failure(.stateFull, "there is no space left for it", at: .path(path), remedy: "Make room on its disk")
    }
    return denied(path, error.text)
  }

  static func denied(_ path: String, _ text: String) -> Failure {
    Failure(
      .stateDenied, "it cannot be opened for writing: \(text)", at: .path(path),
      remedy: "Let the exporter's user write there, \(otherPlace)")
  }

  static func locked(_ path: String) -> Failure {
    Failure(
      .stateLocked, "another process uses it", at: .path(path),
      remedy: "Stop the other exporter, or give this one a --storage.path of its own")
  }

  static func damaged(_ path: String, _ text: String) -> Failure {
    Failure(.stateDamaged, "it is damaged: \(text)", at: .path(path), remedy: startAnew)
  }

  static func notOurs(_ path: String, _ what: String) -> Failure {
    Failure(
      .stateForeign, "it is \(what)", at: .path(path), remedy: "Move it away, or choose another --storage.path")
  }

  static func newer(_ path: String, version: Int64, known: Int64) -> Failure {
    Failure(
      .stateNewer, "a newer version of the exporter wrote it (schema \(version), this one knows \(known))",
      at: .path(path), remedy: "Run that version, or move the file away to start again with counts at 0")
  }

  static func replaced(_ path: String) -> Failure {
    Failure(
      .stateReplaced, "it was removed or replaced while it was in use", at: .path(path),
      remedy: "Put it back, or restart the exporter: what is in memory then is lost")
  }
}
