/// Rendered labels, one behind the other, in chunks that sets of samples share.
///
/// Chunks are only appended to. A `SampleSet` that shares them keeps the ones it saw (copy on write): an append while
/// it lives copies the last chunk once, 64 KiB at most.
public struct LabelArena: Sendable {
  /// Where a text stands.
  public struct Ref: Sendable, Hashable, BitwiseCopyable {
    var chunk: UInt32
    var offset: UInt32
    public var count: UInt32
  }

  static let chunkBytes = 64 << 10
  /// Dropped text that is not worth packing.
  public static let slackBytes = 64 << 10
  private(set) var chunks: [[UInt8]] = []
  /// All bytes, those of dropped texts included.
  public private(set) var byteCount = 0

  public init() {}

  /// Appends a text of any length; longer ones than a chunk get their own.
  public mutating func append(_ text: some Collection<UInt8>) -> Ref {
    let ref = place(text.count)
    chunks[chunks.count - 1].append(contentsOf: text)
    return ref
  }

  /// Chooses where a text of this length goes.
  private mutating func place(_ count: Int) -> Ref {
    if chunks.isEmpty || chunks[chunks.count - 1].count + count > Self.chunkBytes {
      var fresh: [UInt8] = []
      // The first chunk grows by itself, so that a small table stays small.
      if !chunks.isEmpty { fresh.reserveCapacity(max(count, Self.chunkBytes)) }
      chunks.append(fresh)
    }
    let last = chunks.count - 1
    let ref = Ref(chunk: UInt32(last), offset: UInt32(chunks[last].count), count: UInt32(count))
    byteCount += count
    return ref
  }

  /// Appends what a buffer holds.
  public mutating func append(_ text: LabelBuffer) -> Ref {
    let ref = place(text.count)
    text.write(to: &chunks[chunks.count - 1])
    return ref
  }

  /// Whether the text at `ref` is `other`.
  public func holds(_ other: LabelBuffer, at ref: Ref) -> Bool {
    other.count == Int(ref.count) && other.isEqual(to: chunks[Int(ref.chunk)], from: Int(ref.offset))
  }

  /// Whether `other` stands in the text at `ref`, `offset` bytes from its beginning.
  public func holds(_ other: LabelBuffer, in ref: Ref, from offset: Int) -> Bool {
    offset >= 0 && offset + other.count <= Int(ref.count)
      && other.isEqual(to: chunks[Int(ref.chunk)], from: Int(ref.offset) + offset)
  }

  /// A copy of the text at `ref`.
  public subscript(_ ref: Ref) -> ArraySlice<UInt8> {
    chunks[Int(ref.chunk)][Int(ref.offset)..<Int(ref.offset + ref.count)]
  }
}
