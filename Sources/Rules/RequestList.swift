internal import AuditEvents

/// Reads fields out of a list in the object of a request: subjects of bindings, rules of roles, containers and volumes of
/// pods.
struct RequestList {
  private let list: JSONValue
  /// What stands for a container's own value where it has none.
  private let other: JSONValue?

  init(_ list: JSONValue, other: JSONValue?) {
    self.list = list
    self.other = other
  }

  func read(_ extraction: Extraction, _ plan: Program.FieldPlan, into store: inout ValueStore) {
    switch extraction {
    case .subjects(let kind, let part): subjects(kind, part, into: &store)
    case .roleRules(let list): roleRules(list, plan.index, into: &store)
    case .containers(_, let part): containers(part, plan.index, into: &store)
    case .hostPath: volumes(["hostPath", "path"], plan.index, into: &store)
    case .flexVolumeDriver: volumes(["flexVolume", "driver"], plan.index, into: &store)
    case .volumeType: volumeTypes(plan.index, into: &store)
    case .hostPathMatches: hostPathMatches(plan.key, into: &store)
    case .anyPrivileged: anyPrivileged(into: &store)
    case .firstImage: containers(.image, 0, into: &store)
    case .firstRepository: containers(.repository, 0, into: &store)
    default: return
    }
  }

  /// A list, or one element of it.
  private struct Walk {
    private var elements: JSONValue.Elements?
    private let index: Int?
    private var at = 0

    init(_ list: JSONValue?, _ index: Int?) {
      elements = list?.elements()
      self.index = index
    }

    mutating func next() -> JSONValue? {
      while let element = elements?.next() {
        at += 1
        if index == nil || index == at - 1 { return element }
      }
      return nil
    }
  }

  private func push(_ value: JSONValue?, into store: inout ValueStore) {
    guard let value, value.kind != .null, value.kind != .none else { return }
    JSONText.write(value, into: &store)
    store.endValue()
  }

  private func isThere(_ value: JSONValue?) -> Bool { value.map { $0.kind != .null && $0.kind != .none } ?? false }

  // MARK: - Bindings and roles

  private func subjects(_ kind: String?, _ part: SubjectPart, into store: inout ValueStore) {
    var walk = Walk(list, nil)
    while let subject = walk.next() {
      if let kind, subject.member("kind")?.text.isUnescaped(kind.utf8Span.span) != true { continue }
      switch part {
      case .json: push(subject, into: &store)
      case .name: push(subject.member("name"), into: &store)
      case .namespacedName:
        guard let name = subject.member("name"), isThere(name) else { continue }
        if let namespace = subject.member("namespace"), isThere(namespace) {
          JSONText.write(namespace, into: &store)
        }
        store.write(UInt8(ascii: ":"))
        push(name, into: &store)
      }
    }
  }

  private func roleRules(_ name: String?, _ index: Int?, into store: inout ValueStore) {
    var rules = Walk(list, index)
    while let rule = rules.next() {
      guard let name else {
        push(rule, into: &store)
        continue
      }
      var values = Walk(rule.member(name), nil)
      while let value = values.next() { push(value, into: &store) }
    }
  }

  // MARK: - Containers

  private func containers(_ part: ContainerPart, _ index: Int?, into store: inout ValueStore) {
    let mark = store.mark
    var walk = Walk(list, index)
    while let container = walk.next() {
      let isWhole = read(part, of: container, into: &store)
      // One container without a name or image makes the whole field missing.
      if !isWhole { return store.reset(to: mark) }
    }
  }

  /// Pushes what one container has; whether it has what every container must have.
  private func read(_ part: ContainerPart, of container: JSONValue, into store: inout ValueStore) -> Bool {
    switch part {
    case .name:
      push(container.member("name"), into: &store)
      return isThere(container.member("name"))
    case .image:
      push(container.member("image"), into: &store)
      return isThere(container.member("image"))
    case .repository:
      guard let image = container.member("image"), isThere(image) else { return false }
      repository(image, into: &store)
    case .joined(let name): join(container.member(name), into: &store)
    case .security(let name): push(container.value(["securityContext", name]), into: &store)
    case .effective(let name):
      let own = container.value(["securityContext", name])
      if isThere(own) {
        push(own, into: &store)
      } else if isThere(other) {
        push(other, into: &store)
      } else {
        store.write("0")
        store.endValue()
      }
    case .capabilities:
      var added = Walk(container.value(["securityContext", "capabilities", "add"]), nil)
      while let capability = added.next() { push(capability, into: &store) }
    case .hostPort:
      var ports = Walk(container.member("ports"), nil)
      while let port = ports.next() {
        let host = port.member("hostPort")
        push(isThere(host) ? host : port.member("containerPort"), into: &store)
      }
    }
    return true
  }

  /// The image without digest and tag. A colon before the last slash is a registry's port.
  private func repository(_ image: JSONValue, into store: inout ValueStore) {
    let start = store.bytes.count
    JSONText.write(image, into: &store)
    var end = start
    var lastColon: Int?
    while end < store.bytes.count, store.bytes[end] != UInt8(ascii: "@") {
      if store.bytes[end] == UInt8(ascii: "/") { lastColon = nil }
      if store.bytes[end] == UInt8(ascii: ":") { lastColon = end }
      end += 1
    }
    store.truncate(to: lastColon ?? end)
    store.endValue()
  }

  private func join(_ list: JSONValue?, into store: inout ValueStore) {
    guard let list, list.kind == .array else { return }
    var walk = Walk(list, nil)
    var isFirst = true
    while let word = walk.next() {
      if !isFirst { store.write(0x20) }
      isFirst = false
      JSONText.write(word, into: &store)
    }
    if !isFirst { store.endValue() }
  }

  private func anyPrivileged(into store: inout ValueStore) {
    var walk = Walk(list, nil)
    var isAny = false
    var isEmpty = true
    while let container = walk.next() {
      isEmpty = false
      if container.value(["securityContext", "privileged"])?.text.equals("true") == true { isAny = true }
    }
    guard !isEmpty else { return }
    store.write(isAny ? "true" : "false")
    store.endValue()
  }

  // MARK: - Volumes

  private func volumes(_ path: [String], _ index: Int?, into store: inout ValueStore) {
    var walk = Walk(list, index)
    while let volume = walk.next() { push(volume.value(path), into: &store) }
  }

  private func volumeTypes(_ index: Int?, into store: inout ValueStore) {
    var walk = Walk(list, index)
    while let volume = walk.next() {
      var members = volume.members()
      while let member = members.next() {
        if member.key.equals("name") { continue }
        store.write(unescaped: member.key)
        store.endValue()
      }
    }
  }

  private func hostPathMatches(_ key: [UInt8], into store: inout ValueStore) {
    let mark = store.mark
    volumes(["hostPath", "path"], nil, into: &store)
    guard store.mark.values > mark.values else { return }
    let isPrefix = key.last == UInt8(ascii: "*")
    let wanted = isPrefix ? key.dropLast() : key[...]
    var isFound = false
    for value in mark.values..<store.mark.values {
      let path = store.bytes[store.range(of: value)]
      if isPrefix ? path.starts(with: wanted) : path.elementsEqual(wanted) { isFound = true }
    }
    store.reset(to: mark)
    store.write(isFound ? "true" : "false")
    store.endValue()
  }
}
