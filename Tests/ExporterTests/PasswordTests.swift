import Concurrency
import Glibc
import TestSupport
import Testing

@testable import Exporter

/// Cost 4, so that a test is quick.
private func cheap(_ password: String) throws -> BcryptHash {
  try #require(cheapHashes[password])
}

private let cheapHashes: [String: BcryptHash] = {
  // Of crypt_blowfish's own test vectors, "U*U" and relatives are of cost 5.
  let texts = [
    "U*U": "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "U*U*": "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
    "U*U*U": "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a",
  ]
  return texts.compactMapValues { try? BcryptHash($0) }
}()

@Suite struct BcryptTests {
  /// From crypt_blowfish and from exporter-toolkit.
  @Test func knownHashes() throws {
    #expect(cheapHashes.count == 3)
    for (password, hash) in cheapHashes {
      #expect(hash.matches(Array(password.utf8)))
      #expect(!hash.matches(Array((password + "x").utf8)))
      #expect(!hash.matches([]))
    }
    let toolkit = try BcryptHash("$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi")
    #expect(toolkit.cost == 10)
    #expect(toolkit.matches(Array("fakepassword".utf8)))
  }

  /// libxcrypt ends a password at its first zero: what stands before it is not the password.
  @Test func aZeroEndsNoPassword() throws {
    let hash = try cheap("U*U")
    #expect(!hash.matches(Array("U*U".utf8) + [0]))
    #expect(!hash.matches(Array("U*U".utf8) + [0] + Array("more".utf8)))
    #expect(!hash.matches([UInt8](repeating: 0x61, count: 600)))
  }

  @Test(arguments: [
    "", "secret", "$2y$10$short", "$1$abcdefgh$0123456789012345678901",
    "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2a$99$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2a$17$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2a$05$CCCCCCCCCCCCCCCCCCCC:.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW ",
    "$2a$0x$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
  ])
  func othersAreRefusedWithoutBeingShown(text: String) {
    let refusal = #expect(throws: Refusal.self) { _ = try BcryptHash(text) }
    let shown = (refusal?.what ?? "") + (refusal?.remedy ?? "")
    #expect(text.isEmpty || !shown.contains(text), "\(shown)")
  }

  @Test func noPasswordHasADecoy() {
    let decoy = BcryptHash.decoy(cost: 4)
    #expect(decoy.text.utf8.count == 60)
    for password in ["", "a", "U*U", "...."] { #expect(!decoy.matches(Array(password.utf8))) }
  }
}

@Suite struct BasicLoginTests {
  @Test(arguments: [
    ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"), ("basic dGVzdDoxMjPCow==", "test", "123£"),
    ("BASIC OnB3", "", "pw"), ("Basic dTo=", "u", ""), ("Basic dTphOmI=", "u", "a:b"),
  ])
  func goodOnes(text: String, user: String, password: String) {
    #expect(BasicLogin(authorization: text) == BasicLogin(user: user, password: password))
  }

  @Test(arguments: [
    "", "Basic", "Basic ", "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", "Basic dQ==",
    "Basic dTo=, Basic dTo=", "Basic dTp==", "Basic /zpw", "Basic dT-_", "Basic dTo=x", "Basic d=To",
    "Basic dTph\u{e9}",
  ])
  func badOnes(text: String) { #expect(BasicLogin(authorization: text) == nil) }

  /// Every text that the system's base64 makes is read back, and every other text is no text of its.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func base64AgainstBruteForce(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    for _ in 0..<2_000 {
      let bytes = (0..<Int(random.next() % 20)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
      var text = stride(from: 0, to: bits.count, by: 6).map { at in
        digits[(0..<6).reduce(0) { $0 << 1 | Int(at + $1 < bits.count ? bits[at + $1] : 0) }]
      }
      while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
      #expect(bytes.isEmpty ? Base64.decode(text) == nil : Base64.decode(text) == bytes)
      guard !text.isEmpty else { continue }
      // One character changed: either refused, or it means other bytes.
      let at = Int(random.next() % UInt64(text.count))
      var changed = text
      changed[at] = UInt8(truncatingIfNeeded: random.next())
      if changed != text { #expect(Base64.decode(changed) != bytes) }
    }
  }
}

/// What was told, by the checker's thread.
private final class Told: Sendable {
  private let answers = Monitor<[Bool]>([])
  func tell(_ right: Bool) { answers.update { $0.append(right) } }
  /// Waits for so many.
  func wait(for count: Int) -> [Bool] {
    answers.wait(milliseconds: 60_000) { $0.count >= count ? $0 : nil } ?? []
  }
}

@Suite struct PasswordCheckerTests {
  private let here = ClientAddress([UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 127, 0, 0, 1])

  private func ask(
    _ checker: PasswordChecker, _ user: String, _ password: String, from address: ClientAddress? = nil
  ) -> Bool? {
    let told = Told()
    switch checker.check(.init(user: user, password: password), from: address ?? here, tell: { told.tell($0) }) {
    case .right: return true
    case .wrong: return false
    case .busy: return nil
    case .checking: return told.wait(for: 1).first
    }
  }

  @Test func rightWrongAndUnknownCostTheSameAndAreRemembered() throws {
    let checker = try PasswordChecker(["alice": cheap("U*U"), "bob": cheap("U*U*U")])
    defer { checker.stop() }
    let cases = [
      ("alice", "U*U", true), ("alice", "U*U*U", false), ("bob", "U*U*U", true), ("mallory", "U*U", false),
      ("", "", false),
      ("alice\u{0}", "U*U", false),
    ]
    for (number, (user, password, isRight)) in zip(1..., cases) {
      #expect(ask(checker, user, password) == isRight)
      #expect(checker.work == .init(checks: number, rounds: number * 32), "one check each, of the same cost")
    }
    for (user, password, isRight) in cases { #expect(ask(checker, user, password) == isRight) }
    #expect(checker.work.checks == cases.count, "all remembered")
  }

  @Test func theSameAtOnceIsCheckedOnce() throws {
    let checker = try PasswordChecker(["alice": cheap("U*U")])
    defer { checker.stop() }
    let told = Told()
    var known = 0
    for _ in 0..<100 {
      let answer = checker.check(.init(user: "alice", password: "U*U"), from: here) { told.tell($0) }
      #expect(answer == .checking || answer == .right)
      if answer == .right { known += 1 }
    }
    #expect(told.wait(for: 100 - known).allSatisfy { $0 })
    #expect(checker.work.checks == 1)
  }

  @Test func anotherHashMakesVoidWhatWasRemembered() throws {
    let checker = try PasswordChecker(["alice": cheap("U*U")])
    defer { checker.stop() }
    #expect(ask(checker, "alice", "U*U") == true)
    checker.replace(["alice": try cheap("U*U*U")])
    #expect(ask(checker, "alice", "U*U") == false)
    #expect(ask(checker, "alice", "U*U*U") == true)
    checker.replace([:])
    #expect(ask(checker, "alice", "U*U*U") == false)
  }

  /// Somebody who guesses fills the queue and no more; others still get in, and who is known needs no check.
  @Test func guessingIsBounded() throws {
    let checker = try PasswordChecker(["alice": cheap("U*U"), "slow": try BcryptHash(slowHash)])
    defer { checker.stop() }
    #expect(ask(checker, "alice", "U*U") == true)
    let before = checker.work.checks
    var (waiting, busy) = (0, 0)
    for guess in 0..<500 {
      switch checker.check(.init(user: "slow", password: "\(guess)"), from: here, tell: { _ in }) {
      case .checking: waiting += 1
      case .busy: busy += 1
      default: Issue.record("a guess was known")
      }
    }
    #expect(waiting <= PasswordChecker.waitingPerAddressLimit + 1 + checker.work.checks - before)
    #expect(busy > 400)
    #expect(ask(checker, "alice", "U*U") == true, "known without a check")
    // From many addresses the whole queue can be filled, and no more.
    for number in 0..<100 {
      let address = ClientAddress([UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 10, 0, 0, UInt8(number)])
      if checker.check(.init(user: "slow", password: "b\(number)"), from: address, tell: { _ in }) == .checking {
        waiting += 1
      }
    }
    #expect(waiting <= PasswordChecker.waitingLimit + 1 + checker.work.checks - before)
  }

  /// Of cost 10.
  private let slowHash = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"

  @Test func guessesPushOutNothingThatIsRight() {
    let key = SecretBytes.randomKey()
    var recent = RecentDigests(limit: 3)
    let digests = (0..<5).map { SecretDigest([[UInt8($0)]], key: key) }
    for digest in digests { recent.insert(digest) }
    recent.insert(digests[4])
    #expect(digests.map(recent.contains) == [false, false, true, true, true])
    // Parts are told apart.
    #expect(SecretDigest([[1], [2, 3]], key: key) != SecretDigest([[1, 2], [3]], key: key))
    #expect(SecretDigest([[1]], key: key) != SecretDigest([[1]], key: SecretBytes.randomKey()))
  }

  @Test func addressesAreToldApartAsClientsAre() {
    let six = { (last: UInt8, network: UInt8) in
      ClientAddress([0x20, 1, 0xd, 0xb8, 0, 0, 0, network, 0, 0, 0, 0, 0, 0, 0, last])
    }
    #expect(six(1, 0) == six(2, 0))
    #expect(six(1, 0) != six(1, 1))
    let four = { (last: UInt8) in ClientAddress([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, last]) }
    #expect(four(1) != four(2))
  }
}

@Suite struct GateTests {
  /// Against the definition: over any stretch of time, no more than the burst and what the time gives.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func theBucketIsExact(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let limit = WebConfiguration.RateLimit(intervalMicroseconds: 1_000, burst: 5)
    var bucket = TokenBucket(limit, now: 0)
    var (now, taken): (Int64, [Int64]) = (0, [])
    for _ in 0..<3_000 {
      now += Int64(random.next() % 900)
      if bucket.take(now: now) { taken.append(now) }
    }
    for first in taken.indices {
      for last in first..<min(first + 20, taken.count) {
        #expect(last - first + 1 <= 5 + Int((taken[last] - taken[first]) / 1_000) + 1)
      }
    }
    // Nor less: the bucket is never full while somebody is refused.
    #expect(Int64(taken.count) >= now / 1_000)
  }

  @Test func rightsAddUpAndNobodyHasAnyByDefault() {
    let rights = PushRights([
      .init(credential: .user("a"), clusters: ["prod"]), .init(credential: .user("a"), clusters: ["test"]),
      .init(credential: .certificate("a"), clusters: ["dev"]),
      .init(credential: .certificate("x"), clusters: ["stage"]),
    ])
    #expect(rights.clusters(of: nil) == nil)
    #expect(rights.clusters(of: Sender()) == [])
    #expect(rights.clusters(of: Sender(user: "a")) == ["prod", "test"])
    #expect(rights.clusters(of: Sender(user: "A")) == [])
    #expect(rights.clusters(of: Sender(certificateNames: ["a", "b"])) == ["dev"])
    #expect(rights.clusters(of: Sender(user: "x")) == [], "a name is no user's name")
    #expect(rights.clusters(of: Sender(user: "a", certificateNames: ["x"])) == ["prod", "test", "stage"])
    #expect(PushRights([]).clusters(of: Sender(user: "a")) == [])
  }
}
