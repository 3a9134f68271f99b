/// The little JSON that Amazon Data Firehose puts into headers.
public enum FirehoseText {
  /// Its own limits are 50 attributes, keys of 256 and values of 1,024 characters.
  static let attributesBytesLimit = 128 << 10

  /// `{"commonAttributes": {"name": "value"}}`; nil for anything else.
  public static func commonAttributes(_ text: String) -> [String: String]? {
    guard text.utf8.count <= attributesBytesLimit else { return nil }
    return try? JSONReader.read(Array(text.utf8)) { (reader) throws(JSONReader.Malformed) -> [String: String] in
      var found: [String: String] = [:]
      try reader.object { (key, reader) throws(JSONReader.Malformed) in
        guard key == "commonAttributes" else { return _ = try reader.skip() }
        try reader.object { (name, reader) throws(JSONReader.Malformed) in found[name] = try reader.string() }
      }
      return found
    }
  }

  /// The access key that a header or a file holds: the text itself, or what is in it where it is a secret of Secrets Manager,
  /// `{"api_key": "…"}`.
  public static func accessKey(_ text: [UInt8]) -> [UInt8] {
    guard text.first == UInt8(ascii: "{") else { return text }
    let found = try? JSONReader.read(text) { (reader) throws(JSONReader.Malformed) -> String? in
      var found: String?
      try reader.object { (key, reader) throws(JSONReader.Malformed) in
        guard key == "api_key" else { return _ = try reader.skip() }
        found = try reader.string()
      }
      return found
    }
    return (found ?? nil).map { Array($0.utf8) } ?? text
  }
}
