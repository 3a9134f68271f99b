internal import Diagnostics

/// Times as AWS writes them.
enum AWSTime {
  /// `20260102T030405Z`, as signatures have it.
  static func basic(_ time: Microseconds) -> String {
    String(Timestamp.text(time).prefix(19).filter { $0 != "-" && $0 != ":" }) + "Z"
  }
}
