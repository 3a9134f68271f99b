import Compression
import TestSupport

/// Where the exporter listens: an address of this machine that no other test uses, so that its ports can be used again
/// after each kill.
struct Listeners: Sendable {
  let address: String
  let port: UInt16
  let pushPort: UInt16
}

/// An API server with one connection: it pushes a batch until it hears 200, then the next one.
// Unchecked: used by one thread at a time, that of the test, or one of its own that the test waits for.
final class PushingServer: @unchecked Sendable {
  struct Batch {
    let deeds: [Deed]
    let body: [UInt8]
    /// Whether it was answered, or found in a state, before.
    var isCounted = false
  }

  private let listeners: Listeners
  private let cluster: String
  /// No other server has users of these names in its cluster.
  private let users: ClosedRange<Int>
  private let times: Deed.Times
  private var random: SplitMix64
  private var number: Int
  private var connection: RawConnection?
  private(set) var batch: Batch?
  /// Deeds that were counted since the test asked last.
  private(set) var counted: [Deed] = []
  /// Events of redeliveries that were answered.
  private(set) var repeated = 0
  /// Events of each attempt whose answer never came.
  private(set) var unanswered: [Int] = []
  private(set) var answers: [Int: Int] = [:]

  init(_ listeners: Listeners, cluster: String, users: ClosedRange<Int>, _ times: Deed.Times, seed: UInt64) {
    (self.listeners, self.cluster, self.users, self.times) = (listeners, cluster, users, times)
    random = SplitMix64(seed: seed)
    number = users.lowerBound * 10_000_000
  }

  /// Tries once. True when the batch was answered with 200, so that another one is next.
  func push() -> Bool {
    let batch = self.batch ?? make()
    self.batch = batch
    let connection: RawConnection
    do { connection = try self.connection ?? RawConnection(address: listeners.address, port: listeners.pushPort) } catch
    {
      return false
    }
    self.connection = connection
    guard connection.send(batch.body), let answer = connection.answer() else {
      self.connection = nil
      unanswered.append(batch.deeds.count)
      return false
    }
    answers[answer.status, default: 0] += 1
    guard answer.status == 200 else { return false }
    if batch.isCounted { repeated += batch.deeds.count } else { counted += batch.deeds }
    // Now and then the answer is lost on its way.
    self.batch = random.oneIn(6) ? Batch(deeds: batch.deeds, body: batch.body, isCounted: true) : nil
    return true
  }

  private func make() -> Batch {
    let count = random.oneIn(40) ? 400 : random.pick(1...20)
    let isFirst = number % 10_000_000 == 0
    var deeds = (0..<count).map { _ in Deed.random(cluster, users: users, &random) }
    // Of each batch something shows in the counts by user and source IP.
    deeds[0].kind = .refused
    if isFirst { for at in deeds.indices { deeds[at].age = .recent } }
    let list = Event.list(
      deeds.map { deed in
        number += 1
        return deed.json(number, times)
      })
    let isPacked = random.oneIn(3)
    let content = isPacked ? Gzip.compress(list) : list
    let head =
      "POST /webhook/\(cluster) HTTP/1.1\r\nHost: exporter\r\nContent-Type: application/json\r\n"
      + (isPacked ? "Content-Encoding: gzip\r\n" : "") + "Content-Length: \(content.count)\r\n\r\n"
    return Batch(deeds: deeds, body: Array(head.utf8) + content)
  }

  /// Looks into a state for the batch that is under way: whether it was counted before the answer could be given.
  func follow(_ stored: Ledger, _ ledger: inout Ledger) -> Bool {
    settle(&ledger)
    connection = nil
    guard let batch, !batch.isCounted, !unanswered.isEmpty else { return false }
    let key = Ledger.refusals(batch.deeds[0])
    guard stored[key] > ledger[key] else { return false }
    for deed in batch.deeds { ledger.add(deed, "webhook", times: 1) }
    self.batch?.isCounted = true
    // This delivery is no duplicate.
    if let at = unanswered.firstIndex(of: batch.deeds.count) { unanswered.remove(at: at) }
    return true
  }

  /// Enters what was answered.
  func settle(_ ledger: inout Ledger) {
    for deed in counted { ledger.add(deed, "webhook", times: 1) }
    ledger.addDuplicates(repeated, "webhook")
    (counted, repeated) = ([], 0)
  }

  /// Forgets attempts that were accounted for; answers them.
  func takeUnanswered() -> [Int] {
    defer { unanswered = [] }
    return unanswered
  }
}
