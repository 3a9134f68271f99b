internal import Metrics

/// Where the series stand that were counted lately, by numbers and one text of their rows, so that such a row is not
/// written and hashed again.
///
/// - Shape: one place for each hash; whoever comes last has it. A miss costs time, never a count: a hit is compared
///   byte for byte.
/// - Invariant: rows of the same numbers differ in the text alone.
struct RecentSeries {
  private struct Entry {
    var numbers: UInt32 = 0
    var place: UInt32 = 0
    /// Where the text stands in the row.
    var offset: UInt16 = 0
    /// How long it is; 0 marks a free place.
    var count: UInt16 = 0
  }

  private static let size = 4096
  private var entries = [Entry](repeating: Entry(), count: size)

  /// The series with these numbers and this text; nil when it is not known here.
  ///
  /// - Parameter hash: a keyed hash of the text.
  @inline(__always)
  func find(_ numbers: UInt32, _ text: LabelBuffer, hash: UInt64, in table: borrowing SeriesTable) -> Int? {
    let entry = entries[Self.position(numbers, hash)]
    guard entry.numbers == numbers, Int(entry.count) == text.count, entry.count > 0 else { return nil }
    let place = Int(entry.place)
    return table.arena.holds(text, in: table.series[place].labels, from: Int(entry.offset)) ? place : nil
  }

  /// Remembers a series. `offset` is where the text stands in its row.
  mutating func note(_ numbers: UInt32, _ text: LabelBuffer, hash: UInt64, offset: Int, _ place: Int) {
    guard let offset = UInt16(exactly: offset), let count = UInt16(exactly: text.count) else { return }
    entries[Self.position(numbers, hash)] = Entry(
      numbers: numbers, place: UInt32(truncatingIfNeeded: place), offset: offset, count: count)
  }

  /// Forgets all, after series were dropped or the numbers got another meaning.
  mutating func clear() { self = RecentSeries() }

  @inline(__always)
  private static func position(_ numbers: UInt32, _ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash ^ ((UInt64(numbers) &* 0x9e37_79b9_7f4a_7c15) &>> 20)) & (size &- 1)
  }
}
