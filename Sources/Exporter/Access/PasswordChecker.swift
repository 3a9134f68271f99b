internal import Concurrency
internal import Diagnostics

/// Checks passwords against bcrypt hashes, on one thread of its own and never on the server's.
///
/// - Bounds: one check at a time; at most `waitingLimit` wait, `waitingPerAddressLimit` of them from one client address.
///   After a wrong password the thread rests as long as the check took, so guessing costs half a processor at most.
/// - Memory: right answers and wrong ones are remembered by a keyed digest of name, hash and password, apart from each
///   other, so that guesses push out no right answer. A new hash makes what was remembered void.
/// - Equality: an unknown name costs what the dearest known one costs, checked or remembered.
final class PasswordChecker: Sendable {
  static let waitingLimit = 16
  static let waitingPerAddressLimit = 4
  static let rememberedLimit = 1_024

  /// Told once, on the checker's thread.
  typealias Tell = @Sendable (Bool) -> Void
  enum Answer: Equatable {
    case right, wrong
    /// `tell` will be called.
    case checking
    /// Too many wait.
    case busy
  }

  /// What has been done, for tests.
  struct Work: Sendable, Equatable {
    var checks = 0
    /// Of all checks: two to the cost, each.
    var rounds = 0
  }

  private struct Job {
    let digest: SecretDigest
    let hash: BcryptHash
    let isKnown: Bool
    let password: [UInt8]
    let address: ClientAddress
    var tell: [Tell]
  }
  private enum Step { case check(Job), stop }
  private struct State {
    var users: [String: BcryptHash]
    var decoy: BcryptHash
    var right = RecentDigests(limit: rememberedLimit)
    var wrong = RecentDigests(limit: rememberedLimit)
    var jobs: [Job] = []
    var running: Job?
    var work = Work()
    var isStopped = false
  }
  private let state: Monitor<State>
  private let key = SecretBytes.randomKey()
  private let thread: NamedThread

  init(_ users: [String: BcryptHash]) throws(Failure) {
    let state = Monitor(State(users: users, decoy: Self.decoy(users)))
    self.state = state
    thread = try NamedThread("passwords", stackBytes: 256 << 10) { Self.run(state) }
  }

  var work: Work { state.withLock { $0.work } }

  /// Other users from now on.
  func replace(_ users: [String: BcryptHash]) {
    state.withLock { state in
      state.users = users
      state.decoy = Self.decoy(users)
    }
  }

  /// Answers at once when this was asked before, else checks.
  func check(_ login: BasicLogin, from address: ClientAddress, tell: @escaping Tell) -> Answer {
    state.update { state in
      let known = state.users[login.user]
      let hash = known ?? state.decoy
      let digest = SecretDigest([Array(login.user.utf8), Array(hash.text.utf8), login.password], key: key)
      // Both are asked whatever the first says.
      let (isRight, isWrong) = (state.right.contains(digest), state.wrong.contains(digest))
      if isRight { return .right }
      if isWrong { return .wrong }
      if state.running?.digest == digest {
        state.running?.tell.append(tell)
        return .checking
      }
      if let at = state.jobs.firstIndex(where: { $0.digest == digest }) {
        state.jobs[at].tell.append(tell)
        return .checking
      }
      guard state.jobs.count < Self.waitingLimit,
        state.jobs.count(where: { $0.address == address }) < Self.waitingPerAddressLimit
      else { return .busy }
      state.jobs.append(
        Job(
          digest: digest, hash: hash, isKnown: known != nil, password: login.password, address: address, tell: [tell]))
      return .checking
    }
  }

  /// Ends the thread; who waits is told nothing. Call it once.
  func stop() {
    state.update {
      $0.isStopped = true
      $0.jobs = []
    }
    thread.join()
  }

  private static func decoy(_ users: [String: BcryptHash]) -> BcryptHash {
    .decoy(cost: users.values.map(\.cost).max() ?? 10)
  }

  private static func run(_ monitor: Monitor<State>) {
    while true {
      let step = monitor.wait { state -> Step? in
        if state.isStopped { return .stop }
        guard !state.jobs.isEmpty else { return nil }
        let job = state.jobs.removeFirst()
        state.running = job
        return .check(job)
      }
      guard case .check(let job) = step else { return }
      let start = Clock.monotonic
      let isRight = job.hash.matches(job.password) && job.isKnown
      let tell = monitor.withLock { state -> [Tell] in
        defer { state.running = nil }
        state.work.checks += 1
        state.work.rounds += 1 << job.hash.cost
        if isRight { state.right.insert(job.digest) } else { state.wrong.insert(job.digest) }
        return state.running?.tell ?? []
      }
      for tell in tell { tell(isRight) }
      guard !isRight else { continue }
      let rest = Int((Clock.monotonic - start) / 1_000)
      _ = monitor.wait(milliseconds: rest) { $0.isStopped ? true : nil }
    }
  }
}

/// The digests that came last; the oldest goes when there are too many.
struct RecentDigests {
  private let limit: Int
  private var known: Set<SecretDigest> = []
  private var order: [SecretDigest] = []
  private var oldest = 0

  init(limit: Int) { self.limit = limit }

  func contains(_ digest: SecretDigest) -> Bool { known.contains(digest) }

  mutating func insert(_ digest: SecretDigest) {
    guard known.insert(digest).inserted else { return }
    guard order.count == limit else { return order.append(digest) }
    known.remove(order[oldest])
    order[oldest] = digest
    oldest = (oldest + 1) % limit
  }
}

/// Where a request comes from, as far as one client is told from another: the IPv4 address, or the IPv6 /64.
struct ClientAddress: Hashable, Sendable {
  /// 16 bytes in network order, IPv4 mapped into IPv6; zeros where it is not known.
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    let isIPv4 = bytes.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
    self.bytes = isIPv4 ? bytes : Array(bytes.prefix(8))
  }
}
