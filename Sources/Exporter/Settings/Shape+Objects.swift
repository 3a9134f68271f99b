internal import YAML

/// A field of an entry that is a mapping.
struct Field: Sendable {
  let name: String
  let help: String
  var isRequired = false
}

/// The fields of one entry while it is read: unknown and missing ones are complained about.
struct FieldReader {
  private var nodes: [String: YAMLNode] = [:]

  init?(_ node: YAMLNode, _ fields: [Field], _ complaints: inout Complaints) {
    guard case .mapping(let entries) = node.value else {
      let names = fields.map(\.name).joined(separator: ", ")
      complaints.add(Refusal("\(node.kind) is given instead of an entry", "Write fields of: \(names)"), at: node)
      return nil
    }
    let before = complaints.failures.count
    let names = fields.map(\.name)
    for entry in entries {
      if names.contains(entry.key) {
        nodes[entry.key] = entry.value
      } else {
        let meant = NearestName.find(entry.key, among: names)
        let remedy = meant.map { "Did you mean \($0)?" } ?? "Write fields of: \(names.joined(separator: ", "))"
        complaints.add(Refusal("field \(entry.key) is not known", remedy), line: entry.line)
      }
    }
    for field in fields where field.isRequired && nodes[field.name] == nil {
      complaints.add(Refusal("field \(field.name) is missing", "Add it"), at: node)
    }
    if complaints.failures.count > before { return nil }
  }

  /// The field's value, or nil when it is absent. Wrong ones are complained about.
  func value<V>(_ name: String, _ shape: Shape<V>, _ complaints: inout Complaints) -> V? {
    nodes[name].flatMap { shape.read($0, &complaints) }
  }
}

/// The name of a cluster: it becomes a label value and a path of the webhook.
enum ClusterName {
  static func parse(_ text: String) throws(Refusal) -> String {
    let refusal = Refusal(
      "\(Shape<String>.quoted(text)) is not a cluster's name", "Use 1 to 128 letters, digits and any of . _ - : @ +")
    guard (1...128).contains(text.utf8.count) else { throw refusal }
    for scalar in text.unicodeScalars {
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-", ":", "@", "+": continue
      default: throw refusal
      }
    }
    guard text != ".", text != ".." else { throw refusal }
    return text
  }

  static let shape = Shape<String>.checked("cluster name", parse)
}

extension Shape where Value == Settings.Cluster {
  static let fields = [Field(name: "name", help: "The cluster's name, as in label `k8s_cluster`.", isRequired: true)]

  static var cluster: Shape {
    Shape(
      name: "cluster", range: "",
      read: { node, complaints in
        guard let reader = FieldReader(node, fields, &complaints),
          let name = reader.value("name", ClusterName.shape, &complaints)
        else { return nil }
        return Settings.Cluster(name: name)
      },
      write: { "{name: \(ClusterName.shape.write($0.name))}" })
  }
}

extension Shape where Value == String {
  /// The path of a file; none for none.
  static var path: Shape {
    .checked("path") { text throws(Refusal) in text.isEmpty ? "" : try plain(text, limit: 4095) }
  }
}

extension Shape where Value == Settings.Webhook.Writer {
  static let fields = [
    Field(name: "user", help: "A user of `basic_auth_users`. Either this or `certificate`."),
    Field(
      name: "certificate",
      help: "A subject alternative name, or the common name, of a client certificate that was verified."),
    Field(
      name: "clusters", help: "The clusters that it may write; each must be known to the webhook.", isRequired: true),
  ]

  static var writer: Shape {
    Shape(
      name: "writer", range: "",
      read: { node, complaints in
        guard let reader = FieldReader(node, fields, &complaints) else { return nil }
        let user = reader.value("user", .string(limit: 256), &complaints)
        let certificate = reader.value("certificate", .string(limit: 1_024), &complaints)
        let clusters = reader.value(
          "clusters", ClusterName.shape.list("list of cluster names", limit: 1000), &complaints)
        guard (user == nil) != (certificate == nil) else {
          complaints.add(Refusal("it must have either user or certificate", "Make an entry of each"), at: node)
          return nil
        }
        guard let clusters else { return nil }
        let credential = user.map { Settings.Webhook.Credential.user($0) } ?? .certificate(certificate ?? "")
        return Settings.Webhook.Writer(credential: credential, clusters: clusters)
      },
      write: { writer in
        let name =
          switch writer.credential {
          case .user(let name): "user: \(Shape<String>.quoted(name))"
          case .certificate(let name): "certificate: \(Shape<String>.quoted(name))"
          }
        return "{\(name), clusters: [\(writer.clusters.map(ClusterName.shape.write).joined(separator: ", "))]}"
      })
  }
}

extension Shape where Value == Settings.Inputs.File {
  static let fields = [
    Field(
      name: "path", help: "A path, or a pattern with `*`, `?` and `[…]` in any part of it; quote a pattern.",
      isRequired: true),
    Field(name: "cluster", help: "The cluster of its events, unless they name one. Default: `cluster.name`."),
  ]

  /// A mapping, or the path alone.
  static var inputFile: Shape {
    let path = Shape<String>.checked("path") { text throws(Refusal) in
      if text == "-" { throw Refusal("- is not a file", "Read standard input with --input.stdin, or write ./-") }
      return try Shape<String>.plain(text, limit: 4095)
    }
    return Shape(
      name: "path or {path, cluster}", range: "",
      read: { node, complaints in
        if case .scalar = node.value {
          return path.read(node, &complaints).map { Settings.Inputs.File(path: $0, cluster: nil) }
        }
        guard let reader = FieldReader(node, fields, &complaints),
          let path = reader.value("path", path, &complaints)
        else { return nil }
        return Settings.Inputs.File(path: path, cluster: reader.value("cluster", ClusterName.shape, &complaints))
      },
      write: { file in
        file.cluster.map { "{path: \(path.write(file.path)), cluster: \(ClusterName.shape.write($0))}" }
          ?? path.write(file.path)
      })
  }
}

extension Shape where Value == Settings.TrackedObject {
  static let fields = [
    Field(name: "name", help: "The value of label `object`: lower case letters, digits and `-`.", isRequired: true),
    Field(name: "resource", help: "The resource, in the plural: `configmaps`.", isRequired: true),
    Field(name: "group", help: "The API group; `\"\"` is the core group. Default: any."),
    Field(name: "subresources", help: "`\"\"` is the resource itself, `\"*\"` is any. Default: `[\"\"]`."),
    Field(name: "namespace", help: "Default: any."),
    Field(name: "object_name", help: "The object's name. Default: any."),
    Field(
      name: "verbs", help: "`[\"*\"]` is any. Default: `[create, update, patch, delete, deletecollection]`."),
  ]

  static let verbs = ["get", "list", "watch"] + Settings.TrackedObject.changes + ["*"]

  static var trackedObject: Shape {
    Shape(
      name: "tracked object", range: "",
      read: { node, complaints in
        guard let reader = FieldReader(node, fields, &complaints) else { return nil }
        let text = Shape<String>.string(limit: 253)
        let maybe = Shape<String>.checked("text") { text throws(Refusal) in
          text.isEmpty ? "" : try Shape<String>.plain(text, limit: 253)
        }
        var object = Settings.TrackedObject(
          name: reader.value("name", .checked("name", parseName), &complaints) ?? "",
          group: reader.value("group", maybe, &complaints),
          resource: reader.value("resource", text, &complaints) ?? "",
          namespace: reader.value("namespace", text, &complaints),
          objectName: reader.value("object_name", text, &complaints))
        if let given = reader.value("subresources", maybe.list("texts", limit: 16), &complaints) {
          object.subresources = given.contains("*") ? nil : given
        }
        if let given = reader.value(
          "verbs", Shape<String>.checked("verb", parseVerb).list("verbs", limit: 16), &complaints)
        {
          object.verbs = given.contains("*") ? nil : given
        }
        return object
      },
      write: { object in
        func list(_ texts: [String]?) -> String {
          "[" + (texts ?? ["*"]).map(Shape<String>.quoted).joined(separator: ", ") + "]"
        }
        let maybe = [
          ("group", object.group), ("namespace", object.namespace), ("object_name", object.objectName),
        ].compactMap { name, text in text.map { "\(name): \(Shape<String>.quoted($0))" } }
        let parts =
          ["name: \(Shape<String>.quoted(object.name))", "resource: \(Shape<String>.quoted(object.resource))"] + maybe
          + [
            "subresources: \(list(object.subresources))", "verbs: \(list(object.verbs))",
          ]
        return "{" + parts.joined(separator: ", ") + "}"
      })
  }

  private static func parseName(_ text: String) throws(Refusal) -> String {
    let isName =
      (1...64).contains(text.utf8.count)
      && text.unicodeScalars.allSatisfy { ("a"..."z").contains($0) || ("0"..."9").contains($0) || $0 == "-" }
    guard isName else { throw Refusal("the name is not allowed", "Use 1 to 64 lower case letters, digits and -") }
    return text
  }

  private static func parseVerb(_ text: String) throws(Refusal) -> String {
    guard verbs.contains(text) else {
      let meant = NearestName.find(text, among: verbs).map { "Did you mean \($0)?" }
      throw Refusal("\(text) is not a verb", meant ?? "Write some of: \(verbs.joined(separator: ", "))")
    }
    return text
  }
}
