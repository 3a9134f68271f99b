import AuditEvents

/// The seeded generator of random programs: SplitMix64.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
  mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }
}

/// Bytes that a `Text` may borrow as long as this lives.
@safe final class HeldText {
  // SAFETY: `count + 16` initialised bytes from `init` to `deinit`.
  private let start: UnsafeMutablePointer<UInt8>
  private let count: Int

  init(_ bytes: [UInt8]) {
    count = bytes.count
    unsafe start = .allocate(capacity: count + 16)
    unsafe start.initialize(repeating: 0x22, count: count + 16)
    for (i, byte) in bytes.enumerated() { unsafe start[i] = byte }
  }

  deinit { unsafe start.deallocate() }

  var text: Text {
    let isEscaped = unsafe UnsafeBufferPointer(start: start, count: count).contains(UInt8(ascii: "\\"))
    return unsafe Text(start, count: count, isEscaped: isEscaped)
  }
}

/// An audit event in plain strings.
struct TestEvent {
  var stage = Stage.responseComplete
  var verb = Verb.get
  var code: UInt16 = 200
  var decision = Decision.allow
  var isImpersonationRefused = false
  var isDryRun = false
  var user = "alice"
  var impersonatedUser = ""
  var sourceIPs = ["192.0.2.1"]
  var group = ""
  var resource = ""
  var subresource = ""
  var namespace = ""
  var name = ""
  /// Seconds since the epoch.
  var seconds: Double?

  /// Lends the event to `body`. Strings stand in it as they are: write JSON's escapes where they are needed.
  func withEvent<R>(_ body: (borrowing AuditEvent) -> R) -> R {
    let texts = [
      user, impersonatedUser, sourceIPs.map { "\"\($0)\"" }.joined(separator: ","), group, resource, subresource,
      namespace, name, isDryRun ? "/api/v1/pods?dryRun=All" : "/api/v1/pods",
    ].map { HeldText(Array($0.utf8)) }
    var event = AuditEvent()
    event.stage = stage
    event.verb = verb
    event.code = code
    event.decision = decision
    event.isImpersonationRefused = isImpersonationRefused
    event.user = texts[0].text
    event.impersonatedUser = texts[1].text
    event.sourceIPs = texts[2].text
    event.apiGroup = texts[3].text
    event.resource = texts[4].text
    event.subresource = texts[5].text
    event.namespace = texts[6].text
    event.name = texts[7].text
    event.requestURI = texts[8].text
    if let seconds { event.time = Int64((seconds * 1e6).rounded()) }
    return withExtendedLifetime(texts) { body(event) }
  }
}
