import Diagnostics
import TestSupport

/// What the accounting must say of a piece of input.
struct Outcome: Equatable {
  var counted = 0
  var notARequest = 0
  var duplicate = 0
  var ignored = 0
  var rejected = 0
  var dropped = 0
  /// A part of the above.
  var salvaged = 0

  var received: Int { counted + notARequest + duplicate + ignored + rejected + dropped }

  static func += (left: inout Outcome, right: Outcome) {
    left.counted += right.counted
    left.notARequest += right.notARequest
    left.duplicate += right.duplicate
    left.ignored += right.ignored
    left.rejected += right.rejected
    left.dropped += right.dropped
    left.salvaged += right.salvaged
  }
}

/// Text of an audit log, and what must become of it.
struct Piece {
  var text: String
  var outcome: Outcome
}

/// Writes audit logs of all shapes, seeded. Every piece is whole lines, so that pieces can follow one another.
struct AuditText {
  var random: SplitMix64
  private var serial = 0

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// Events lie within ten minutes before this.
  static let now: Microseconds = 1_772_600_000_000_000

  /// One piece of a random shape.
  ///
  /// - Parameter azure: whether it may be AKS's, whose events are known again wherever they come from.
  mutating func piece(azure mayBeAzure: Bool = true) -> Piece {
    switch random.pick(0...13) {
    case 0...2: return event(wrap: { $0 + "\n" })
    case 3: return event(\.reordered, wrap: { $0 + "\r\n" })
    case 4: return event(\.printed, wrap: { $0 + "\n" })
    case 5: return list()
    case 6: return array()
    case 7: return event(wrap: { "{\"log\":\"" + Self.escaped($0) + "\\n\",\"stream\":\"stdout\"}\n" })
    case 8: return event(wrap: { "2026-03-04T05:06:07.123456789Z stdout F " + $0 + "\n" })
    case 9: return event(wrap: { "node-1.example " + $0 + "\n" })
    case 10: return mayBeAzure ? azure() : event()
    case 11: return noise()
    case 12: return broken()
    default: return cutShort()
    }
  }

  /// One event in the API server's order, behind what `wrap` makes of it.
  mutating func event(
    _ shape: (EventFields) -> String = { $0.ordered }, wrap: (String) -> String = { $0 + "\n" }
  ) -> Piece {
    let fields = self.fields()
    return Piece(text: wrap(shape(fields)), outcome: fields.outcome)
  }

  /// Fields of an event that is unlike all others.
  mutating func fields() -> EventFields {
    serial += 1
    var fields = EventFields(serial: serial)
    fields.stage = random.oneIn(4) ? "RequestReceived" : random.oneIn(6) ? "ResponseStarted" : "ResponseComplete"
    fields.user = random.oneIn(8) ? "" : ["alice", "bob\\\"s", "system:node:n1", "naïve"][random.pick(0...3)]
    fields.verb = ["get", "list", "watch", "create", "delete", "patch"][random.pick(0...5)]
    fields.code = [200, 201, 401, 403, 404, 500, 503][random.pick(0...6)]
    fields.resource = ["pods", "secrets", "roles", "configmaps"][random.pick(0...3)]
    fields.address = random.oneIn(5) ? "2001:db8::\(random.pick(1...3))" : "192.0.2.\(random.pick(1...4))"
    fields.hasBody = random.oneIn(4)
    fields.time = Self.now - Microseconds(random.pick(0...600_000_000))
    return fields
  }

  private mutating func list() -> Piece {
    var piece = Piece(text: "", outcome: Outcome())
    let items = (0..<random.pick(0...4)).map { _ in fields() }
    for item in items { piece.outcome += item.outcome }
    let separator = random.oneIn(2) ? "," : ",\n "
    piece.text = "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"metadata\":{},\"items\":["
    piece.text += items.map(\.item).joined(separator: separator) + "]}\n"
    return piece
  }

  private mutating func array() -> Piece {
    let elements = (0..<random.pick(1...3)).map { _ in fields() }
    var piece = Piece(text: "[" + elements.map(\.ordered).joined(separator: ",") + "]\n", outcome: Outcome())
    for element in elements { piece.outcome += element.outcome }
    return piece
  }

  /// The same event in AKS's two categories: the second is a duplicate.
  private mutating func azure() -> Piece {
    let fields = self.fields()
    var piece = Piece(text: "", outcome: Outcome())
    func record(_ category: String) -> String {
      "{\"time\":\"2026-03-04T05:06:07Z\",\"resourceId\":\"/SUBSCRIPTIONS/S/PROVIDERS/M/MANAGEDCLUSTERS/AKS1\","
        + "\"category\":\"\(category)\",\"properties\":{\"log\":\"\(Self.escaped(fields.ordered))\"}}\n"
    }
    piece.text = record("kube-audit")
    piece.outcome += fields.outcome
    if random.oneIn(2) {
      piece.text += record("kube-audit-admin")
      piece.outcome.duplicate += 1
    }
    return piece
  }

  private mutating func noise() -> Piece {
    let texts = [
      "I0304 05:06:07.123456       1 controller.go:1] hello\n", "some other text\n",
      "{\"category\":\"guard\",\"properties\":{\"log\":\"x\"}}\n",
      "{\"messageType\":\"CONTROL_MESSAGE\",\"logEvents\":[]}\n",
      "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}\n",
    ]
    return Piece(text: texts[random.pick(0...texts.count - 1)], outcome: Outcome(ignored: 1))
  }

  private mutating func broken() -> Piece {
    let texts = ["{\"kind\":\"Event\",}\n", "{\"kind\":nothing}\n", "{\"a\":1}x\n"]
    return Piece(text: texts[random.pick(0...texts.count - 1)], outcome: Outcome(rejected: 1))
  }

  /// A line that ends early, before a whole one.
  private mutating func cutShort() -> Piece {
    var fields = self.fields()
    fields.stage = "ResponseComplete"
    fields.hasBody = false
    let line = fields.ordered
    let suffices = random.oneIn(2)
    let end = line.range(upTo: suffices ? ",\"requestReceivedTimestamp\"" : ",\"sourceIPs\"")
    let next = event()
    var outcome = next.outcome
    outcome += suffices ? Outcome(counted: 1, salvaged: 1) : Outcome(rejected: 1)
    return Piece(text: end + "\n" + next.text, outcome: outcome)
  }

  static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      if character == "\"" || character == "\\" { result.unicodeScalars.append("\\") }
      if character == "\n" { result += "\\n" } else { result.unicodeScalars.append(character) }
    }
    return result
  }
}

extension String {
  /// What stands before `mark`; all when it does not occur.
  func range(upTo mark: String) -> String {
    let (bytes, wanted) = (Array(utf8), Array(mark.utf8))
    guard bytes.count >= wanted.count,
      let place = (0...bytes.count - wanted.count).first(where: { bytes[$0...].starts(with: wanted) })
    else { return self }
    return String(decoding: bytes[..<place], as: UTF8.self)
  }
}
