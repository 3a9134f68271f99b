/// Events in which whoever is counted chooses the words, each event with words of its own, as fast as a pipe takes them.
struct Flood {
  enum Kind: String, Sendable, CaseIterable {
    /// One source IP, a user in each event.
    case users
    /// A source IP in each event: half of them one user's, half anonymous.
    case addresses
    /// All at once: user, impersonated user, source IP, resource, namespace, API group, verb, user agent, and a cluster in the
    /// wrapping.
    case everything
  }

  static let attacker = "203.0.113.66"
  static let known = 40

  let kind: Kind
  let count: Int
  /// How many clusters `everything` names: few fill their own limits, many fill those of all together.
  var clusters: Int { max(2, min(12, count / 100_000)) }
  private let time = Event.now

  /// Refused requests of users that are known before and after it, each from an IP of its own.
  func knownEvents(times: Int) -> [UInt8] {
    (0..<times * Self.known).flatMap { number in
      Event(
        user: "known-\(number % Self.known)", sourceIP: "192.0.2.\(number % Self.known)", code: 403, decision: "forbid",
        number: number, time: time
      ).line
    }
  }

  /// Writes all events, some hundred KB at a time: copies of templates, with eight digits here and there.
  func write(_ send: ([UInt8]) throws -> Void) rethrows {
    let (templates, clusters) = (templates, clusters)
    var block: [UInt8] = []
    block.reserveCapacity(1 << 20)
    for number in 0..<count {
      let template = templates[number % templates.count]
      let start = block.count
      block += template.bytes
      // Eight ASCII digits, the first one lowest, as they lie in memory.
      var (digits, rest) = (UInt64(0), UInt64(number))
      for _ in 0..<8 {
        digits = digits << 8 | (0x30 + rest % 10)
        rest /= 10
      }
      let cluster = UInt8(0x61 + number / 4 % clusters)
      unsafe block.withUnsafeMutableBytes { bytes in
        for at in template.numbers { unsafe bytes.storeBytes(of: digits, toByteOffset: start + at, as: UInt64.self) }
        for at in template.addresses {
          for octet in 0..<4 {
            let pair = UInt16(truncatingIfNeeded: digits >> (16 * octet))
            unsafe bytes.storeBytes(of: pair, toByteOffset: start + at + 1 + 4 * octet, as: UInt16.self)
          }
        }
        for at in template.clusters { unsafe bytes[start + at] = cluster }
      }
      if block.count > 900_000 {
        try send(block)
        block.removeAll(keepingCapacity: true)
      }
    }
    try send(block)
  }

  /// How many events of `count` are of one template.
  func share(_ template: Int) -> Int {
    let templates = templates.count
    return count / templates + (template < count % templates ? 1 : 0)
  }

  // MARK: - Templates

  /// A line, and where in it the number, the source IP and the letter of the cluster stand.
  private struct Template {
    var bytes: [UInt8] = []
    var numbers: [Int] = []
    var addresses: [Int] = []
    var clusters: [Int] = []

    /// - Parameter line: with `%N`, `%A` and `%C` in these places.
    init(_ line: String) {
      for (index, part) in line.split(separator: "%", omittingEmptySubsequences: false).enumerated() {
        guard index > 0 else {
          bytes += Array(part.utf8)
          continue
        }
        switch part.first {
        case "N":
          numbers.append(bytes.count)
          bytes += Array("00000000".utf8)
        case "A":
          addresses.append(bytes.count)
          bytes += Array("100.100.100.100".utf8)
        default:
          clusters.append(bytes.count)
          bytes.append(0)
        }
        bytes += Array(part.dropFirst().utf8)
      }
    }
  }

  private var templates: [Template] {
    let lines: [String]
    switch kind {
    case .users: lines = [event(user: "u%N", address: Self.attacker)]
    case .addresses: lines = [event(user: "mallory", address: "%A"), event(user: "system:anonymous", address: "%A")]
    case .everything:
      lines = [
        event(user: "u%N", address: "%A", verb: "v%N", resource: "r%N", group: "g%N"),
        event(user: "u%N", address: "%A", verb: "v%N", resource: "r%N", group: "g%N", code: 500),
        event(
          user: "u%N", address: "%A", verb: "create", resource: "roles", group: "rbac.authorization.k8s.io", code: 201),
        event(user: "u%N", address: "%A", verb: "create", resource: "secrets", code: 201),
      ].map { message in
        // As Amazon's subscriptions wrap them: the log group names the cluster.
        let text = message.dropLast().replacing("\"", with: "\\\"")
        return #"{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"/aws/eks/c%C/cluster","logStream":"#
          + #""kube-apiserver-audit-x","subscriptionFilters":[],"logEvents":[{"id":"%N","timestamp":1,"message":"\#(text)"}]}"#
          + "\n"
      }
    }
    return lines.map { Template($0) }
  }

  private func event(
    user: String, address: String, verb: String = "get", resource: String = "pods", group: String = "", code: Int = 403
  ) -> String {
    let object = #""resource":"\#(resource)","namespace":"n%N","name":"x","apiGroup":"\#(group)","apiVersion":"v1""#
    var json = Event(
      user: user, sourceIP: address, verb: verb, code: code, decision: code == 403 ? "forbid" : "allow", object: object,
      time: time
    ).json.replacing("00000000-0000-4000-8000-000000000000", with: "%N")
    guard kind == .everything else { return json + "\n" }
    json = json.replacing(#""userAgent":"test""#, with: #""userAgent":"a%N""#)
    return json.replacing(#""sourceIPs""#, with: #""impersonatedUser":{"username":"i%N"},"sourceIPs""#) + "\n"
  }
}
