import Glibc
import TestSupport
import Testing

/// A place for a state that can be full and have room again, while the exporter runs.
enum LimitedDisk: CaseIterable, CustomTestStringConvertible {
  /// A file system of its own in a namespace of the exporter's; not everybody may have one.
  case fileSystem
  /// No file may be written, its log neither: a limit of the process, which anybody may set.
  case fileSize

  var testDescription: String { self == .fileSystem ? "a full file system" : "no file may be written" }

  /// Why it cannot be had here; nil when it can.
  var obstacle: String? {
    guard self == .fileSystem else { return nil }
    let tried = try? Process.run(Self.unshare + ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/tmp"])
    return tried?.status == 0 ? nil : "no mount in a namespace of its own: \(tried?.errorText ?? "no unshare")"
  }

  /// What the exporter is started with, its state in `folder`.
  func wrapper(_ folder: String) -> [String] {
    switch self {
    case .fileSystem:
      return Self.unshare + ["sh", "-c", #"mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@""#, folder]
    case .fileSize:
      // Whoever is not killed by the signal is told by an error.
      return ["sh", "-c", #"trap '' XFSZ; exec "$@""#, "sh"]
    }
  }

  func fill(_ folder: String, of process: RunningProcess) throws {
    switch self {
    case .fileSystem:
      _ = try Process.run(["dd", "if=/dev/zero", "of=\(Self.filler(folder, process))", "bs=4k"])
    case .fileSize: try limit(process, "0")
    }
  }

  func empty(_ folder: String, of process: RunningProcess) throws {
    switch self {
    case .fileSystem: _ = unsafe unlink(Self.filler(folder, process))
    case .fileSize: try limit(process, "unlimited")
    }
  }

  private func limit(_ process: RunningProcess, _ size: String) throws {
    let outcome = try Process.run(["prlimit", "--pid", "\(process.processID)", "--fsize=\(size):unlimited"])
    guard outcome.status == 0 else { throw Program.MissingTool(description: "prlimit: \(outcome.errorText)") }
  }

  private static func filler(_ folder: String, _ process: RunningProcess) -> String {
    "/proc/\(process.processID)/root\(folder)/filler"
  }

  private static let unshare = ["unshare", "--user", "--map-root-user", "--mount", "--"]
}
