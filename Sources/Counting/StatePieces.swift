internal import Diagnostics

/// The rows and records of a state, by what they are.
struct StatePieces {
  struct Feed {
    /// Or the account and region of a cloud.
    var cluster: Int
    var input: String
    var data: [UInt8]
  }

  struct Chunk {
    var owner: Int
    var chunk: Int
    var data: [UInt8]
  }

  private var rows: [[SeriesRow]]
  private var families: [FamilyTotals]
  private(set) var clock: [UInt8]?
  private(set) var sketch: [UInt8]?
  /// Of the key that users and source IPs were hidden with; nil when they are in the clear.
  private(set) var pseudonyms: [UInt8]?
  private(set) var clusters: [Int: [UInt8]] = [:]
  private(set) var traffic: [(cluster: Int, data: [UInt8])] = []
  private(set) var feeds: [Feed] = []
  private(set) var inputs: [(name: String, data: [UInt8])] = []
  private(set) var chunks: [Chunk] = []
  /// Accounts and regions of clouds, and what was heard of them.
  private(set) var cloudPlaces: [Int: [UInt8]] = [:]
  private(set) var cloudFeeds: [Feed] = []
  private(set) var insights: [UInt8]?

  init(_ state: CountingState) throws(Failure) {
    let count = PersistedFamily.allCases.count + 1
    rows = [[SeriesRow]](repeating: [], count: count)
    families = [FamilyTotals](repeating: FamilyTotals(), count: count)
    for row in state.series {
      guard let family = PersistedFamily(rawValue: row.family) else {
        throw .counting("series \(row.place) is of family \(row.family), which is none")
      }
      rows[Int(family.rawValue)].append(row)
    }
    var seen: Set<String> = []
    for record in state.records {
      guard seen.insert(record.key).inserted else { throw .counting("a record is there twice") }
      guard try sort(record) else { throw .counting("a record has a name that is none of counting's") }
    }
  }

  func rows(_ family: PersistedFamily) -> [SeriesRow] { rows[Int(family.rawValue)] }

  func totals(_ family: PersistedFamily) -> FamilyTotals { families[Int(family.rawValue)] }

  /// Puts a record where it belongs; false when its name is none.
  private mutating func sort(_ record: StateRecord) throws(Failure) -> Bool {
    let words = record.key.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    // The first number of a name, and all that follows it.
    let number = words.count > 1 ? Self.number(words[1]) : nil
    switch (words[0], words.count, number) {
    case ("clock", 1, _): clock = record.data
    case ("sketch", 1, _): sketch = record.data
    case ("pseudonyms", 1, _): pseudonyms = record.data
    case ("cluster", 2, let number?): clusters[number] = record.data
    case ("traffic", 2, let number?): traffic.append((number, record.data))
    case ("feed", 3, let number?): feeds.append(Feed(cluster: number, input: words[2], data: record.data))
    case ("insights", 1, _): insights = record.data
    case ("cloud", 2, let number?): cloudPlaces[number] = record.data
    case ("cloudfeed", 3, let number?):
      cloudFeeds.append(Feed(cluster: number, input: words[2], data: record.data))
    case ("input", 2..., _):
      inputs.append((words.dropFirst().joined(separator: "/"), record.data))
    case ("sketch", 3, let number?):
      guard let chunk = Self.number(words[2]), chunk < SketchChanges.chunkCount else { return false }
      chunks.append(Chunk(owner: number, chunk: chunk, data: record.data))
    case ("family", 2, let number?):
      guard let number = UInt8(exactly: number), let family = PersistedFamily(rawValue: number) else { return false }
      try readTotals(family, record.data)
    default: return false
    }
    return true
  }

  /// A number as it is written in a name: so no two names mean one thing.
  private static func number(_ word: String) -> Int? {
    guard let number = UInt32(word), String(number) == word else { return nil }
    return Int(number)
  }

  private mutating func readTotals(_ family: PersistedFamily, _ data: [UInt8]) throws(Failure) {
    do throws(StateDamage) {
      families[Int(family.rawValue)] = try FamilyTotals(data)
    } catch {
      throw .counting("the totals of family \(family.rawValue) cannot be read: \(error.what)", error)
    }
  }
}
