internal import AuditEvents

/// Where one event has what `FieldPaths` names: found when it is asked for, each object walked over once.
///
/// - Null is absent, as it is in Kubernetes. Of duplicate keys the last counts, as in the decoder.
/// - Nothing borrowed is kept: places are offsets from the beginning of the event's JSON.
struct EventPlaces: ~Copyable {
  private(set) var paths: FieldPaths
  /// For each node, the event for which it is known, and there the places of its first byte and behind its last; below 0
  /// when it is missing, or its end not known.
  private var known: [UInt32] = []
  private var starts: [Int32] = []
  private var ends: [Int32] = []
  private var event: UInt32 = 0
  let reader = JSONReader()
  private let requestKey = WordSearch([Array(Extraction.Root.requestObject.key.utf8)])

  init(_ paths: FieldPaths) {
    self.paths = paths
    makeRoom()
  }

  private mutating func makeRoom() {
    known = Array(repeating: 0, count: paths.nodes.count)
    starts = Array(repeating: -1, count: paths.nodes.count)
    ends = starts
    event = 1
  }

  /// Forgets what is known of the last event.
  mutating func begin() {
    event &+= 1
    if event == 0 { makeRoom() }
  }

  /// Finds nodes for a plan that is not part of the rules.
  mutating func place(_ plan: inout Program.FieldPlan) {
    let count = paths.nodes.count
    paths.place(&plan)
    if paths.nodes.count != count { makeRoom() }
  }

  /// What stands at a node.
  mutating func value(_ node: Int32, _ event: borrowing AuditEvent) -> JSONValue? {
    guard node >= 0 else { return nil }
    if known[Int(node)] != self.event { find(node, event) }
    let start = starts[Int(node)]
    return start < 0 ? nil : reader.value(at: Int(start), of: event.json)
  }

  /// All bytes of an object or array at a node; nil of anything else.
  mutating func structure(_ node: Int32, _ event: borrowing AuditEvent) -> Text? {
    guard let value = value(node, event), value.kind == .object || value.kind == .array else { return nil }
    let end = Int(ends[Int(node)])
    guard end >= 0 else { return value.text }
    return event.json.part(value.place(in: event.json)..<end)
  }

  private mutating func find(_ node: Int32, _ event: borrowing AuditEvent) {
    let parent = paths.nodes[Int(node)].parent
    guard parent > 0 else { return findTop(node, event) }
    // Paths are no deeper than JSON is read.
    guard let object = value(parent, event) else { return set(node, nil, event) }
    // Who looks for a parent may walk over it.
    if known[Int(node)] == self.event { return }
    switch object.kind {
    case .object: _ = walk(parent, object, event)
    case .array: set(node, object.element(paths.nodes[Int(node)].key), event)
    default: set(node, nil, event)
    }
  }

  private mutating func set(_ node: Int32, _ value: JSONValue?, _ event: borrowing AuditEvent) {
    known[Int(node)] = self.event
    starts[Int(node)] = value.map { Int32($0.place(in: event.json)) } ?? -1
    ends[Int(node)] = -1
  }

  /// Finds all children of a node; what stands behind the object, when its end was reached.
  private mutating func walk(_ parent: Int32, _ object: JSONValue, _ event: borrowing AuditEvent) -> Text? {
    let children = paths.nodes[Int(parent)].children
    let lengths = paths.nodes[Int(parent)].lengths
    for child in children where !isElsewhere(child, event) { set(child, nil, event) }
    var members = object.members()
    while let member = members.next() {
      guard member.key.isEscaped || lengths & FieldPaths.bit(member.key.count) != 0 else { continue }
      for child in children where hasKey(member.key, child) && !isElsewhere(child, event) {
        let start = event.json.place(of: member.extent)
        starts[Int(child)] = Int32(start)
        ends[Int(child)] = Int32(start + member.extent.count)
      }
    }
    return members.rest
  }

  private func hasKey(_ text: Text, _ node: Int32) -> Bool {
    let key = paths.nodes[Int(node)].key
    return text.isUnescaped(key.span)
  }

  // MARK: - The event's own members

  /// Whether the walk over the event's members must not find it: its place is known from elsewhere.
  private func isElsewhere(_ node: Int32, _ event: borrowing AuditEvent) -> Bool {
    guard paths.nodes[Int(node)].parent == 0, let root = paths.nodes[Int(node)].root else { return false }
    if event.origin == .gke { return paths.nodes[Int(node)].isReplaced }
    return event.isOrdered && (root == .annotations || root == .user && !event.user.isEmpty)
  }

  private mutating func findTop(_ node: Int32, _ event: borrowing AuditEvent) {
    guard paths.nodes[Int(node)].parent == 0 else {
      known[0] = self.event
      starts[0] = 0
      ends[0] = Int32(event.json.count)
      return
    }
    guard let root = paths.nodes[Int(node)].root else { return findAll(event) }
    if event.origin == .gke {
      return paths.nodes[Int(node)].isReplaced ? set(node, googleRoot(root, event), event) : findAll(event)
    }
    guard event.isOrdered else { return findAll(event) }
    switch root {
    case .annotations:
      let annotations = event.annotations
      set(node, annotations.isEmpty ? nil : reader.value(at: event.json.place(of: annotations), of: event.json), event)
    case .user where !event.user.isEmpty:
      // An ordered event has a user's name first.
      set(
        node, reader.value(at: event.json.place(of: event.user) - #"{"username":""#.utf8.count, of: event.json), event)
    case .requestObject:
      guard !event.bodies.isEmpty else { return set(node, nil, event) }
      if !findRequest(node, event) { findAll(event) }
    case .responseObject where event.bodies.isEmpty: set(node, nil, event)
    default: findAll(event)
    }
  }

  private mutating func findAll(_ event: borrowing AuditEvent) { _ = walk(0, reader.root(event.json), event) }

  /// The request's object where the API server writes it, walked over to its end, and no second one behind it. False when
  /// that is not so.
  private mutating func findRequest(_ node: Int32, _ event: borrowing AuditEvent) -> Bool {
    guard event.bodies.hasPrefix(#","requestObject":"#) else { return false }
    let start = event.json.place(of: event.bodies) + #","requestObject":"#.utf8.count
    let object = reader.value(at: start, of: event.json)
    guard object.kind == .object else { return false }
    if let rest = walk(node, object, event) {
      // The rest of the event; the bodies end before it.
      let end = event.json.place(of: rest)
      let passed = min(end - event.json.place(of: event.bodies), event.bodies.count)
      let left = event.bodies.part(passed..<event.bodies.count)
      if left.isEmpty || left.hasPrefix(#","responseObject":"#) && requestKey.occurrences(in: left) == 0 {
        known[Int(node)] = self.event
        starts[Int(node)] = Int32(start)
        ends[Int(node)] = Int32(end)
        return true
      }
    }
    // What was found inside may be of another object than the one that counts.
    for child in paths.nodes[Int(node)].children { known[Int(child)] = self.event &- 1 }
    return false
  }

  /// The part of a Google log entry that stands for a part of an event.
  private func googleRoot(_ root: Extraction.Root, _ event: borrowing AuditEvent) -> JSONValue? {
    let entry = reader.root(event.json)
    switch root {
    case .requestObject: return entry.member("protoPayload")?.member("request")
    case .responseObject: return entry.member("protoPayload")?.member("response")
    case .annotations: return entry.member("labels")
    case .responseStatus, .user: return nil
    }
  }
}
