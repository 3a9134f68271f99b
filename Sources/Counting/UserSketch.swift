/// Estimates how many different users fell into a sliding window, for the few source IPs that have too many to keep.
///
/// - Shape: HyperLogLog with the time kept: for each (IP, register, rank) the latest event. What a register read at any
///   edge is then known, so a window slides without error of its own. All IPs share one table of 12 bytes an entry.
/// - Error: 1.15 % standard deviation at 13 bits of register. A full table first drops what no window reaches, then
///   halves the registers of all (each halving multiplies the error by 1.4), down to 16: bounded memory, never an unknown
///   answer. Only then it grows beyond its limit, for some 200 entries an IP.
/// - Source: Flajolet and others, "HyperLogLog"; Ertl, "New cardinality estimation algorithms" (2017), improved raw
///   estimator; Chabchoub and Hébrail, "Sliding HyperLogLog" (2010).
struct UserSketch {
  static let fullPrecision = 13
  static let leastPrecision = 4
  static let entryLimit = 3 << 16

  /// Owner, register and rank of an entry, plus 1; 0 is empty.
  private(set) var keys = [UInt64](repeating: 0, count: 1 << 10)
  private(set) var seconds = [UInt32](repeating: 0, count: 1 << 10)
  private(set) var count = 0
  private(set) var precision = fullPrecision
  /// The most entries of this table.
  let limit: Int
  /// How often entries were dropped that no window reaches.
  private(set) var prunes = 0

  init(limit: Int = entryLimit) { self.limit = limit }

  /// An empty table of this size, a power of two, as another one was left.
  init(limit: Int, size: Int, precision: Int) {
    self.limit = limit
    keys = [UInt64](repeating: 0, count: size)
    seconds = [UInt32](repeating: 0, count: size)
    self.precision = precision
  }

  /// Takes notice of a user's event.
  ///
  /// - Parameters:
  ///   - user: keyed 64-bit hash of the name.
  ///   - reach: the first second that any window of an owner reaches.
  mutating func add(owner: Int, user: UInt64, second: UInt32, reach: (Int) -> UInt32) {
    let register = user >> UInt64(64 - precision)
    let rest = user << UInt64(precision)
    let rank = min(rest.leadingZeroBitCount, 64 - precision) + 1
    enter(Self.key(owner, register, rank), second)
    if count * 4 > keys.count * 3 { makeRoom(reach) }
  }

  /// Forgets owners that are not `kept`, and what their windows no longer reach.
  mutating func prune(isKept: (Int) -> Bool, reach: (Int) -> UInt32) {
    guard count > 0 else { return }
    rebuild(keys.count) { isKept(Self.owner($0)) && $1 >= reach(Self.owner($0)) ? $0 : nil }
    prunes += 1
    if count == 0 {
      let prunes = prunes
      self = UserSketch(limit: limit)
      self.prunes = prunes
    }
  }

  /// Calls `body` with the register, rank and second of every entry of the owners that are `chosen`.
  func forEach(
    _ chosen: (Int) -> Bool, _ body: (_ owner: Int, _ register: Int, _ rank: UInt8, _ second: UInt32) -> Void
  ) {
    for i in keys.indices where keys[i] != 0 {
      let key = keys[i] - 1
      let owner = Self.owner(key)
      if chosen(owner) { body(owner, Int(key >> 8 & 0xffff), UInt8(key & 0xff), seconds[i]) }
    }
  }

  /// Writes a user into registers of this precision.
  func note(_ user: UInt64, in registers: inout [UInt8]) {
    let rest = user << UInt64(precision)
    let rank = UInt8(min(rest.leadingZeroBitCount, 64 - precision) + 1)
    let register = Int(user >> UInt64(64 - precision))
    registers[register] = max(registers[register], rank)
  }

  var registerCount: Int { 1 << precision }

  /// The estimate from how many registers hold each rank (`multiplicities[0]` are empty).
  func estimate(_ multiplicities: [Int]) -> Double {
    let m = Double(registerCount)
    let q = 64 - precision
    var z = m * Self.tau(1 - Double(multiplicities[q + 1]) / m)
    for k in stride(from: q, through: 1, by: -1) { z = 0.5 * (z + Double(multiplicities[k])) }
    z += m * Self.sigma(Double(multiplicities[0]) / m)
    return m / (2 * 0.693_147_180_559_945_3) * m / z
  }

  static func key(_ owner: Int, _ register: UInt64, _ rank: Int) -> UInt64 {
    UInt64(owner) << 24 | register << 8 | UInt64(rank)
  }

  static func owner(_ key: UInt64) -> Int { Int(key >> 24) }

  mutating func enter(_ key: UInt64, _ second: UInt32) {
    var at = Int((key &* 0x9e37_79b9_7f4a_7c15) >> 32) & (keys.count - 1)
    while keys[at] != 0, keys[at] != key + 1 { at = (at + 1) & (keys.count - 1) }
    if keys[at] == 0 {
      keys[at] = key + 1
      seconds[at] = second
      count += 1
    } else {
      seconds[at] = max(seconds[at], second)
    }
  }

  private mutating func makeRoom(_ reach: (Int) -> UInt32) {
    rebuild(keys.count) { $1 >= reach(Self.owner($0)) ? $0 : nil }
    prunes += 1
    if count * 2 > keys.count, keys.count * 3 / 4 < limit { rebuild(keys.count * 2) { key, _ in key } }
    while count * 2 > keys.count, precision > Self.leastPrecision { halveRegisters() }
    // As coarse as it gets, and still too many IPs: a table that fills up would never find a free place.
    if count * 2 > keys.count { rebuild(keys.count * 2) { key, _ in key } }
  }

  /// Joins pairs of registers. What results is what the smaller sketch would have held.
  private mutating func halveRegisters() {
    precision -= 1
    rebuild(keys.count) { key, _ in
      let register = key >> 8 & 0xffff
      let rank = register & 1 == 1 ? 1 : Int(key & 0xff) + 1
      return Self.key(Self.owner(key), register >> 1, rank)
    }
  }

  private mutating func rebuild(_ size: Int, _ kept: (_ key: UInt64, _ second: UInt32) -> UInt64?) {
    let (oldKeys, oldSeconds) = (keys, seconds)
    keys = [UInt64](repeating: 0, count: size)
    seconds = [UInt32](repeating: 0, count: size)
    count = 0
    for i in oldKeys.indices where oldKeys[i] != 0 {
      if let key = kept(oldKeys[i] - 1, oldSeconds[i]) { enter(key, oldSeconds[i]) }
    }
  }

  private static func sigma(_ start: Double) -> Double {
    if start == 1 { return .infinity }
    var (x, y, z) = (start, 1.0, start)
    while true {
      x *= x
      let before = z
      z += x * y
      y += y
      if z == before { return z }
    }
  }

  private static func tau(_ start: Double) -> Double {
    if start == 0 || start == 1 { return 0 }
    var (x, y, z) = (start, 1.0, 1 - start)
    while true {
      x = x.squareRoot()
      let before = z
      y *= 0.5
      z -= (1 - x) * (1 - x) * y
      if z == before { return z / 3 }
    }
  }
}
