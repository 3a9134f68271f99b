internal import Counting
internal import Diagnostics

/// Evidence for programs: `{"evidence": [{"time": …, "rule": …, "user": …, "groups": […], …}]}`.
///
/// - Shape: one object an event, the newest first, with the fields of `EvidenceField` that the event has, in that order;
///   lists as arrays. Values are as labels show them. `docs/evidence.md`.
enum EvidenceJSON {
  static func text(_ rows: [EvidenceRow]) -> String {
    "{\"evidence\":[" + rows.map { "\n{" + members($0).joined(separator: ",") + "}" }.joined(separator: ",") + "\n]}\n"
  }

  /// The members of an event's object.
  static func members(_ row: EvidenceRow) -> [String] {
    let values = row.values
    var members = ["\"time\":\(LogFormat.quoted(Timestamp.text(row.time)))"]
    for field in EvidenceField.allCases {
      guard let value = values[field] else { continue }
      members.append(LogFormat.quoted(field.rawValue) + ":" + (field.isList ? list(value) : LogFormat.quoted(value)))
    }
    return members
  }

  private static func list(_ value: String) -> String {
    "[" + value.split(separator: "\n").map { LogFormat.quoted(String($0)) }.joined(separator: ",") + "]"
  }
}
