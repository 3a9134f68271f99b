/// The words that a walk chooses among, field by field: what the rule and the policy cannot tell apart stands there once.
struct PolicyChoices {
  /// A kind of object; all three missing for paths that are no resource.
  struct Kind: Hashable {
    var resource: Supposition.Word
    var subresource: Supposition.Word
    var group: Supposition.Word
  }
  struct User {
    var name: Supposition.Word
    var groups: [String]
  }
  /// What cannot be told apart; the first stands for all.
  struct Alike<Item> {
    let first: Item
    var all: [Item]
  }

  private(set) var kinds: [Alike<Kind>] = []
  let verbs: [Alike<Supposition.Word>]
  let users: [User]
  /// Nil alone where the policy does not ask: nothing need be supposed.
  let namespaces: [Supposition.Word?]
  let names: [Supposition.Word?]
  let paths: [Alike<Supposition.Word?>]

  private static let any = Supposition.Word.beginning([])

  init(_ table: PolicyTable, _ rule: SupposedRule) {
    let rules = table.policy.rules
    let known = table.verbs.union(KnownResources.verbs.joined())
    verbs = Self.alike(Self.words(rule.words(.verb), known)) { word in
      var supposed = Supposition()
      supposed[.verb] = word
      let sort = KnownResources.verbs.firstIndex { $0.contains(word.text) } ?? KnownResources.verbs.count
      return rule.answers([.verb], supposed) + [UInt8(sort)] + rules.map { Self.bit($0.verbs.contains(word.text)) }
    }
    users = Self.users(table, rule)
    func words(_ field: Supposition.Field, _ known: Set<String>) -> [Supposition.Word?] {
      guard !known.isEmpty else { return [nil] }
      let all = Self.words(rule.words(field), known.subtracting([""])) + [.missing]
      return Self.alike(all) { word in
        var supposed = Supposition()
        supposed[field] = word
        return rule.answers([field], supposed) + known.sorted().map { Self.bit($0 == word.text) }
          + [Self.bit(word == .missing)]
      }.map(\.first)
    }
    namespaces = words(.namespace, table.namespaces)
    names = words(.name, table.names)
    paths = table.paths.isEmpty ? [Alike(first: nil, all: [nil])] : Self.paths(table, rule)
    kinds = Self.kinds(table, rule)
  }

  /// All that are named, in a fixed order, and any other.
  private static func words(_ ofRule: Set<Supposition.Word>, _ ofPolicy: Set<String>) -> [Supposition.Word] {
    let all = ofRule.union(ofPolicy.map { .text(Array($0.utf8)) }).subtracting([any, .text([])])
    return all.sorted { sortKey($0).lexicographicallyPrecedes(sortKey($1)) } + [any]
  }

  private static func sortKey(_ word: Supposition.Word) -> [UInt8] {
    switch word {
    case .missing: [0]
    case .text(let text): [1] + text
    case .beginning(let text): [2] + text
    }
  }

  private static func bit(_ value: Bool) -> UInt8 { value ? 1 : 0 }

  private static func alike<Item>(_ items: [Item], _ signature: (Item) -> [UInt8]) -> [Alike<Item>] {
    var places: [[UInt8]: Int] = [:]
    var all: [Alike<Item>] = []
    for item in items {
      let signature = signature(item)
      if let place = places[signature] {
        all[place].all.append(item)
      } else {
        places[signature] = all.count
        all.append(Alike(first: item, all: [item]))
      }
    }
    return all
  }

  // MARK: - Objects

  private static func kinds(_ table: PolicyTable, _ rule: SupposedRule) -> [Alike<Kind>] {
    var asked = rule
    var kinds: [Kind] = []
    var supposed = Supposition()
    let subresources = words(rule.words(.subresource), table.subresources) + [.missing]
    for resource in words(rule.words(.resource), table.resources) {
      supposed[.resource] = resource
      supposed[.subresource] = nil
      supposed[.group] = nil
      guard !asked.sight(supposed, leavingOut: .bodies).isEmpty else { continue }
      for subresource in KnownResources.all[resource.text].map({ $0.words }) ?? subresources {
        supposed[.subresource] = subresource
        supposed[.group] = nil
        guard !asked.sight(supposed, leavingOut: .bodies).isEmpty else { continue }
        for group in groups(of: resource, table, rule) {
          supposed[.group] = group
          guard !asked.sight(supposed, leavingOut: .bodies).isEmpty else { continue }
          kinds.append(Kind(resource: resource, subresource: subresource, group: group))
        }
      }
    }
    kinds.append(Kind(resource: .missing, subresource: .missing, group: .missing))
    return alike(kinds) { kind in
      var supposed = Supposition()
      supposed[.resource] = kind.resource
      supposed[.subresource] = kind.subresource
      supposed[.group] = kind.group
      let answers = rule.answers([.resource, .subresource, .group], supposed)
      // What is known of a resource is known of its namespaces too.
      let known = KnownResources.all[kind.resource.text]
      let scope: UInt8 = kind.resource == .missing ? 3 : known.map { $0.isNamespaced ? 1 : 0 } ?? 2
      let isBare = kind.subresource == .missing
      let verbs = KnownResources.verbs.joined().map { verb in
        bit(KnownResources.mayBe(verb, kind.resource.text, kind.subresource.text))
      }
      return answers + verbs + [scope, bit(isBare), bit(kind.resource == .text(Array("namespaces".utf8)))]
        + table.policy.rules.flatMap(\.resources).map { entry in
          bit(entry.matches(group: kind.group.text, kind.resource.text, kind.subresource.text))
        }
    }
  }

  private static func groups(
    of resource: Supposition.Word, _ table: PolicyTable, _ rule: SupposedRule
  ) -> [Supposition.Word] {
    if let known = KnownResources.all[resource.text] {
      return known.groups.map { $0.isEmpty ? .missing : .text(Array($0.utf8)) }
    }
    return words(rule.words(.group), table.groups) + [.missing]
  }

  // MARK: - Users and paths

  private static func users(_ table: PolicyTable, _ rule: SupposedRule) -> [User] {
    var names = words(rule.words(.user), table.users) + [.missing]
    if !table.userGroups.isEmpty {
      names +=
        [.text(Array("system:anonymous".utf8))]
        + ["system:serviceaccount:", "system:node:"].map { .beginning(Array($0.utf8)) }
    }
    var users: [User] = []
    for name in names {
      let own = groups(of: name)
      users.append(User(name: name, groups: own))
      guard name != .missing, !own.contains("system:unauthenticated") else { continue }
      // Being in one more group is enough: the rule that takes a request takes it for one group.
      let more = table.userGroups.filter { !own.contains($0) && mayHave($0, own) }
      for group in more.sorted() { users.append(User(name: name, groups: own + [group])) }
    }
    return alike(users) { user in
      var supposed = Supposition()
      supposed[.user] = user.name
      return rule.answers([.user], supposed) + [bit(user.name == .missing)]
        + table.policy.rules.flatMap { rule in
          [
            bit(user.name != .missing && rule.users.contains(user.name.text)),
            bit(rule.userGroups.contains(where: user.groups.contains)),
          ]
        }
    }.map(\.first)
  }

  /// The groups that everybody of such a name is in.
  private static func groups(of user: Supposition.Word) -> [String] {
    let name = user.text
    if user == .missing { return [] }
    if name == "system:anonymous" { return ["system:unauthenticated"] }
    if name.hasPrefix("system:serviceaccount:") {
      let namespace = name.split(separator: ":", omittingEmptySubsequences: false).dropFirst(2).first
      return ["system:authenticated", "system:serviceaccounts"]
        + (namespace.map { ["system:serviceaccounts:\($0)"] } ?? [])
    }
    return ["system:authenticated"]
  }

  private static func mayHave(_ group: String, _ own: [String]) -> Bool {
    group != "system:unauthenticated"
      && (!group.hasPrefix("system:serviceaccounts") || own.contains("system:serviceaccounts"))
  }

  private static func paths(_ table: PolicyTable, _ rule: SupposedRule) -> [Alike<Supposition.Word?>] {
    var all = rule.words(.uri)
    for pattern in table.paths {
      let beginning = Array(AuditPolicy.Rule.beginning(of: pattern).utf8)
      all.insert(.text(beginning))
      if pattern.hasSuffix("*") { all.insert(.beginning(beginning)) }
    }
    return alike(words(all, [])) { word in
      var supposed = Supposition()
      supposed[.uri] = word
      return rule.answers([.uri], supposed)
        + table.paths.sorted().map { bit(AuditPolicy.Rule.matches($0, path: word.text)) }
    }.map { Alike(first: $0.first, all: $0.all) }
  }
}
