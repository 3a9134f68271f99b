internal import Diagnostics
internal import Metrics

/// What `replay --format json` prints: every family with every sample.
///
/// - Shape: `{"families": [{"name": …, "type": …, "help": …, "samples": [{"labels": {…}, "value": …}]}]}`, families in the
///   order of docs/metrics.md, samples in the order of `/metrics`. Values are numbers; whole ones are written as such, what
///   is not finite is null. Label values are what `/metrics` would show, before its escapes.
enum ReplayJSON {
  static func text(_ readings: Readings) -> String {
    var out = "{\"families\":["
    for (at, family) in Families.all.enumerated() {
      out += at == 0 ? "\n" : ",\n"
      out +=
        "{\"name\":\(quoted(family.name)),\"type\":\(quoted(family.kind.rawValue)),\"help\":\(quoted(family.help)),"
      out += "\"samples\":["
      let set = readings[family.id]
      for (at, row) in set.rows.enumerated() {
        let labels = set.labels(of: row).map { quoted($0.label.rawValue) + ":" + quoted($0.value) }
        out += at == 0 ? "\n" : ",\n"
        out += " {\"labels\":{" + labels.joined(separator: ",") + "},\"value\":"
        out += (row.value.isFinite ? Number.exact(row.value) : "null") + "}"
      }
      out += "]}"
    }
    return out + "\n]}\n"
  }

  private static func quoted(_ text: String) -> String { LogFormat.quoted(text) }
}
