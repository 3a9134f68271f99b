internal import YAML

extension Shape where Value == Settings.Firehose.AccessKey {
  static let fields = [
    Field(
      name: "file",
      help:
        "The file that holds the key alone, or Secrets Manager's `{\"api_key\": \"…\"}`. Either this or `environment`."),
    Field(name: "environment", help: "The environment variable that holds it."),
    Field(name: "clusters", help: "The clusters whose events it may write. Default: all."),
  ]

  static var accessKey: Shape {
    let path = Shape<String>.string("path", limit: 4095)
    let variable = Shape<String>.checked("variable") { text throws(Refusal) in
      guard (1...256).contains(text.utf8.count), text.utf8.allSatisfy({ isPartOfName($0) }) else {
        throw Refusal("it is not the name of an environment variable", "Use letters, digits and _")
      }
      return text
    }
    return Shape(
      name: "access key", range: "",
      read: { node, complaints in
        guard let reader = FieldReader(node, fields, &complaints) else { return nil }
        let before = complaints.failures.count
        let file = reader.value("file", path, &complaints)
        let name = reader.value("environment", variable, &complaints)
        let clusters = reader.value(
          "clusters", ClusterName.shape.list("list of cluster names", limit: 1000), &complaints)
        guard complaints.failures.count == before else { return nil }
        guard (file == nil) != (name == nil) else {
          complaints.add(Refusal("it must have either file or environment", "Make an entry of each"), at: node)
          return nil
        }
        let place = file.map { Settings.Firehose.AccessKey.Place.file($0) } ?? .variable(name ?? "")
        return Settings.Firehose.AccessKey(place: place, clusters: clusters)
      },
      write: { key in
        let place =
          switch key.place {
          case .file(let path): "file: \(Shape<String>.quoted(path))"
          case .variable(let name): "environment: \(Shape<String>.quoted(name))"
          }
        let clusters = key.clusters.map { ", clusters: [\($0.map(ClusterName.shape.write).joined(separator: ", "))]" }
        return "{\(place)\(clusters ?? "")}"
      })
  }

  private static func isPartOfName(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
  }
}
