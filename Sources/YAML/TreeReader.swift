internal import Diagnostics

/// Makes a tree of events and judges it: what merely is not allowed is noted, and reading goes on.
struct TreeReader {
  let file: String
  let limits: YAMLDocument.Limits
  private(set) var failures: [Failure] = []
  private var nodes = 0

  /// More failures than this help nobody.
  private static let failureLimit = 50

  init(file: String, limits: YAMLDocument.Limits) {
    self.file = file
    self.limits = limits
  }

  mutating func document(from events: inout EventStream) throws(Failure) -> YAMLNode {
    _ = try events.next()  // The stream's start.
    let first = try events.next()
    guard case .documentStart = first.kind else { return null(at: first) }
    let root = try node(try events.next(), from: &events, depth: 0)
    _ = try events.next()  // The document's end.
    let after = try events.next()
    if case .documentStart = after.kind {
      note(after, "a second document begins here", "Keep one document in the file")
    }
    return root
  }

  /// The roots of all documents up to the stream's end.
  mutating func documents(from events: inout EventStream) throws(Failure) -> [YAMLNode] {
    _ = try events.next()  // The stream's start.
    var roots: [YAMLNode] = []
    while case .documentStart = try events.next().kind {
      roots.append(try node(try events.next(), from: &events, depth: 0))
      _ = try events.next()  // The document's end.
    }
    return roots
  }

  private mutating func node(
    _ event: Event, from events: inout EventStream, depth: Int
  ) throws(Failure) -> YAMLNode {
    nodes += 1
    guard nodes <= limits.nodes else {
      throw failure(event, "more than \(limits.nodes) values", "Split the file, or shorten its lists")
    }
    guard depth < limits.depth else {
      throw failure(event, "nested more than \(limits.depth) deep", "Nest less deeply")
    }
    if !event.anchor.isEmpty { refuseAnchor(event) }
    switch event.kind {
    case .scalar(let text, let isPlain):
      expect(event, tag: "str", "a text")
      return place(.scalar(YAMLScalar(text, isPlain: isPlain && event.tag.isEmpty)), event)
    case .sequenceStart:
      expect(event, tag: "seq", "a list")
      return place(.sequence(try items(from: &events, depth: depth)), event)
    case .mappingStart:
      expect(event, tag: "map", "a mapping")
      return place(.mapping(try entries(from: &events, depth: depth)), event)
    default:
      return null(at: event)
    }
  }

  private mutating func items(from events: inout EventStream, depth: Int) throws(Failure) -> [YAMLNode] {
    var items: [YAMLNode] = []
    while true {
      let event = try events.next()
      if case .sequenceEnd = event.kind { return items }
      items.append(try node(event, from: &events, depth: depth + 1))
    }
  }

  private mutating func entries(from events: inout EventStream, depth: Int) throws(Failure) -> [YAMLEntry] {
    var entries: [YAMLEntry] = []
    var lines: [String: Int] = [:]
    while true {
      let event = try events.next()
      if case .mappingEnd = event.kind { return entries }
      let key = try node(event, from: &events, depth: depth + 1)
      let value = try node(try events.next(), from: &events, depth: depth + 1)
      guard case .scalar(let scalar) = key.value else {
        note(event, "a key is \(key.kind)", "Write a text as key")
        continue
      }
      if scalar.isPlain, scalar.text == "<<" {
        note(event, "merge keys are not read", "Write the merged values out")
      } else if let line = lines[scalar.text] {
        note(event, "key \(scalar.text) was given before, in line \(line)", "Keep one of the two")
      } else {
        lines[scalar.text] = event.line
        entries.append(YAMLEntry(key: scalar.text, line: event.line, column: event.column, value: value))
      }
    }
  }

  private mutating func refuseAnchor(_ event: Event) {
    let name = limits.isContentSecret ? "…" : event.anchor
    if case .alias = event.kind {
      note(
        event, "*\(name) refers to an anchor, and anchors are not read",
        "Write the value out, or quote it if it is a text that begins with *")
    } else {
      note(
        event, "&\(name) is an anchor, and anchors are not read",
        "Remove it, or quote the value if it is a text that begins with &")
    }
  }

  /// Only the tag that says what the node is anyhow is known; `!` means the same.
  private mutating func expect(_ event: Event, tag: String, _ kind: String) {
    guard !["", "!", "tag:yaml.org,2002:" + tag].contains(event.tag) else { return }
    let tag = limits.isContentSecret ? "!…" : event.tag
    note(event, "tag \(tag) is not known for \(kind)", "Remove the tag")
  }

  private func place(_ value: YAMLNode.Value, _ event: Event) -> YAMLNode {
    YAMLNode(value, line: event.line, column: event.column)
  }

  private func null(at event: Event) -> YAMLNode {
    place(.scalar(YAMLScalar("", isPlain: true)), event)
  }

  private mutating func note(_ event: Event, _ what: String, _ remedy: String) {
    if failures.count < Self.failureLimit { failures.append(failure(event, what, remedy)) }
  }

  private func failure(_ event: Event, _ what: String, _ remedy: String) -> Failure {
    Failure(.yaml, what, at: .text(file: file, line: event.line, column: event.column), remedy: remedy)
  }
}
