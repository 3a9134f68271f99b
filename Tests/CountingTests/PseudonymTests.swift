import AuditEvents
import Crypto
import Diagnostics
import Metrics
import TestSupport
import Testing

@testable import Counting

/// Counts under pseudonyms are the counts under names, and nothing tells the names.
struct PseudonymTests {
  static func pseudonyms(key: UInt64 = 1) -> Pseudonyms {
    Pseudonyms { message in
      let words = SipHash.hash24x128(message.span, key: SipKey(key, 7))
      return [words.low, words.high].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }
  }

  static func counters(_ pseudonyms: Pseudonyms?) -> Counters {
    Counters(
      settings: RestoreTests.settings {
        $0.pseudonyms = pseudonyms
        $0.trustedProxies = [AddressRange("10.0.0.0/8")].compactMap { $0 }
        $0.limits.denied = FamilyLimit(perCluster: 60, inAll: 100)
        $0.limits.usersPerSourceIP = 6
        $0.limits.sourceIPsPerUser = 6
        $0.limits.seriesPerIPv6Network = 4
      }, key: SipKey(1, 2))
  }

  static let users = [
    "alice@example.org", "bob", #"c\u0061rol"#, "carol", "system:anonymous", "system:apiserver",
    "system:node:ip-10-0-0-1",
    "system:node:ip-10-0-0-2", "system:serviceaccount:kube-system:default", "(other)", "198.51.100.7", "",
    String(repeating: "long", count: 80) + "1", String(repeating: "long", count: 80) + "2", "caf\u{e9}", #"q\"uote"#,
  ]

  static func randomEvent(_ random: inout SplitMix64) -> TestEvent {
    var event = TestEvent(verb: random.pick([.get, .create, .delete]), user: random.pick(users))
    event.code = random.pick([200, 201, 401, 403, 403, 403, 500])
    event.decision = random.pick([.allow, .forbid])
    let (client, network) = (random.below(30), random.below(3))
    let ip = random.pick([
      "198.51.100.\(client)", "2001:db8:0:\(network)::\(client)", "::ffff:198.51.100.\(client)", "not an address", "",
    ])
    event.sourceIPs = random.oneIn(4) ? [ip, "10.1.2.3"] : ["192.0.2.99", ip]
    if random.oneIn(3) { event.impersonatedUser = random.pick(users) }
    (event.group, event.resource) = random.pick([
      ("rbac.authorization.k8s.io", "clusterroles"), ("", "secrets"), ("", "pods"),
    ])
    return event
  }

  /// What a label says under pseudonyms; a cut name is none that could be looked up.
  static func hidden(_ label: Label, _ value: String, _ pseudonyms: Pseudonyms) -> String {
    guard !value.hasPrefix("(") else { return value }
    switch label {
    case .user, .impersonatedUser:
      let long = users.first { $0.utf8.count > LabelValue.bytesLimit && cut($0) == value }
      return pseudonyms.user(long ?? (value.hasPrefix("\\(") ? String(value.dropFirst()) : value))
    case .sourceIP where value.hasSuffix("/64"): return pseudonyms.sourceIP(String(value.dropLast(3)))[1]
    case .sourceIP: return pseudonyms.sourceIP(value)[0]
    default: return value
    }
  }

  private static func cut(_ name: String) -> String {
    var values = LabelValue(key: SipKey(1, 2))
    var out = LabelBuffer()
    values.append(configured: name, whenEmpty: "", to: &out)
    return String(decoding: out.bytes, as: UTF8.self)
  }

  static func samples(_ readings: Readings, _ name: (Label, String) -> String) -> [String: Double] {
    var found: [String: Double] = [:]
    for family in Families.all {
      for row in readings[family.id].rows {
        let labels = readings[family.id].labels(of: row).map { "\($0.label.rawValue)=\(name($0.label, $0.value))" }
        let key = ([family.name] + labels).joined(separator: " ")
        #expect(found[key] == nil, "\(key) is there twice")
        found[key] = row.value
      }
    }
    return found
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8]) func theCountsAreThoseOfNames(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let pseudonyms = Self.pseudonyms()
    var plain = Self.counters(nil)
    var hidden = Self.counters(pseudonyms)
    var (plainCluster, hiddenCluster) = (plain.cluster(named: "c"), hidden.cluster(named: "c"))
    var store = StateStore()
    for step in 0..<1500 {
      let now = RestoreTests.start + Int64(step) * 1_000_000
      Self.randomEvent(&random).withEvent { event in
        let one = plain.count(event, cluster: plainCluster, input: 0, arrival: now)
        #expect(hidden.count(event, cluster: hiddenCluster, input: 0, arrival: now) == one)
      }
      guard step % 250 == 249 else { continue }
      let named = Self.samples(plain.readings(now: now)) { Self.hidden($0, $1, pseudonyms) }
      let shown = Self.samples(hidden.readings(now: now)) { $1 }
      #expect(named == shown, "\(Set(named.keys).symmetricDifference(shown.keys).sorted().prefix(4))")
      // Both go on from what they kept.
      store.apply(hidden.takeDelta())
      let state = store.state(&random)
      guard random.oneIn(2) else { continue }
      do {
        hidden = try Counters(settings: hidden.settings, key: SipKey(1, 2), restoring: state)
      } catch { Issue.record("\(error)") }
      (plainCluster, hiddenCluster) = (plain.cluster(named: "c"), hidden.cluster(named: "c"))
    }
    #expect(store.complaints.isEmpty)
  }

  /// Neither what is read nor what is kept holds a name, whole or as part of something.
  @Test func nothingTellsAName() {
    var counters = Self.counters(Self.pseudonyms())
    let cluster = counters.cluster(named: "c")
    let names =
      (0..<40).map { "mallory-\($0)" } + [#"mallory\u002d41"#, "(mallory", String(repeating: "mallory", count: 99)]
    for (i, name) in names.enumerated() {
      let addresses = ["198.51.100.\(i)", "2001:db8:7:7::\(i)", "mallory's host"]
      for (at, address) in addresses.enumerated() {
        var event = TestEvent(
          verb: .delete, code: at == 2 ? 200 : 403, decision: .forbid, user: name, sourceIPs: [address],
          group: "rbac.authorization.k8s.io", resource: "roles")
        event.impersonatedUser = names[(i + 1) % names.count]
        _ = event.withEvent { counters.count($0, cluster: cluster, input: 0, arrival: RestoreTests.start) }
        event.user = "system:node:mallory-\(i)"
        _ = event.withEvent { counters.count($0, cluster: cluster, input: 0, arrival: RestoreTests.start) }
      }
    }
    let page = String(
      decoding: Exposition.render(counters.readings(now: RestoreTests.start), as: .openMetrics), as: UTF8.self)
    let delta = counters.takeDelta()
    let kept =
      delta.series.map { ($0.labels ?? []) + $0.data } + delta.records.map { Array($0.key.utf8) + $0.data }
    #expect(page.contains("user=\"user-") && page.contains("source_ip=\"ip-") && page.contains("source_ip=\"net-"))
    for part in ["mallory", "198.51.100.", "2001:db8"] {
      #expect(!page.contains(part))
      #expect(!kept.contains { String(decoding: $0, as: UTF8.self).contains(part) })
    }
  }

  /// A network's number would tell it to whoever holds the state, which holds the key of its hashes too.
  @Test func noHashIsOfAClearName() {
    var counters = Self.counters(Self.pseudonyms())
    RestoreTests.refuse(&counters, user: "mallory", from: "2001:db8:7:7::1")
    RestoreTests.refuse(&counters, user: "mallory", from: "198.51.100.1")
    var (user, address) = (LabelBuffer(), LabelBuffer())
    user.append(literal: "mallory")
    address.append(literal: "198.51.100.1")
    let hashes =
      [user.hash(key: counters.key), address.hash(key: counters.key)] + [
        counters.ownerKey(0, .user, user), counters.ownerKey(0, .address, address),
        counters.ownerKey(0, .network, 0x2001_0db8_0007_0007),
      ]
    let kept = counters.takeDelta().series.map(\.data)
    #expect(!kept.isEmpty)
    for hash in hashes {
      let bytes = (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * $0)) }
      for found in [bytes, bytes.reversed()] {
        #expect(!kept.contains { data in data.indices.contains { data[$0...].starts(with: found) } })
      }
    }
  }

  @Test func namesOfOneKindStayTogether() throws {
    let made: [(keeper: Pseudonyms?, taker: Pseudonyms?, problem: String?)] = [
      (nil, nil, nil), (Self.pseudonyms(), Self.pseudonyms(), nil),
      (nil, Self.pseudonyms(), "in the clear"), (Self.pseudonyms(), nil, "there is no key"),
      (Self.pseudonyms(), Self.pseudonyms(key: 2), "another key"),
    ]
    for (keeper, taker, problem) in made {
      var counters = Self.counters(keeper)
      RestoreTests.refuse(&counters, user: "mallory")
      let state = RestoreTests.stored(&counters)
      let settings = RestoreTests.settings { $0.pseudonyms = taker }
      do {
        var other = try Counters(settings: settings, key: SipKey(1, 2), restoring: state)
        #expect(problem == nil)
        RestoreTests.refuse(&other, user: "mallory")
        #expect(CountersTests.rows(other.readings(now: RestoreTests.start)[.deniedRequests]).count == 1)
      } catch {
        #expect(error.what.contains(problem ?? "nothing") && !error.what.contains("mallory"), "\(error)")
      }
      // A state that is new takes either.
      _ = try Counters(settings: settings, key: SipKey(1, 2), restoring: CountingState())
    }
  }

  @Test func oneNameHasOnePseudonym() {
    let pseudonyms = Self.pseudonyms()
    #expect(pseudonyms.user("alice") == Self.pseudonyms().user("alice"))
    #expect(pseudonyms.user("alice") != Self.pseudonyms(key: 2).user("alice"))
    #expect(pseudonyms.user("alice").hasPrefix("user-"))
    #expect(pseudonyms.user("alice").utf8.count == 5 + Pseudonyms.digitCount)
    #expect(pseudonyms.user("system:node:a").hasPrefix("system:node:user-"))
    #expect(pseudonyms.user("system:kube-scheduler") == "system:kube-scheduler")
    // A name that imitates a pseudonym gets one of its own.
    #expect(pseudonyms.user(pseudonyms.user("alice")) != pseudonyms.user("alice"))
    // A user that is named like an address is not linked to it.
    #expect(pseudonyms.user("192.0.2.1").dropFirst(5) != pseudonyms.sourceIP("192.0.2.1")[0].dropFirst(3))
    #expect(pseudonyms.sourceIP("::ffff:192.0.2.1") == pseudonyms.sourceIP("192.0.2.1"))
    #expect(pseudonyms.sourceIP("2001:DB8::1") == pseudonyms.sourceIP("2001:db8:0:0::1"))
    #expect(pseudonyms.sourceIP("2001:db8::1")[1] == pseudonyms.sourceIP("2001:db8::2")[1])
    #expect(pseudonyms.sourceIP("a host").count == 1)
  }
}
