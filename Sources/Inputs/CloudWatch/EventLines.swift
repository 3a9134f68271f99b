internal import AWS
internal import AuditEvents

/// The new events of a page as lines for the decoder, `{"events":[…]}` each: copied as they came, with their times.
///
/// - Shape: a line has at most `lineBytesLimit` bytes, unless a single event is longer. The cluster is said by the batch.
struct EventLines {
  /// Pieces that stay in the processor's cache while they are decoded.
  static let usualLineBytes = 128 << 10
  private static let head = Array(#"{"events":["#.utf8)
  private static let tail = Array("]}\n".utf8)

  /// Which events, by their place in the page, each line has.
  private var lines: [[Int]] = []
  /// Bytes of all lines.
  private(set) var byteCount = 0

  init(_ page: LogPage, _ events: [Int], lineBytesLimit: Int = usualLineBytes) {
    var room = 0
    for at in events {
      let count = page.events[at].extent.count + 1
      if lines.isEmpty || count > room {
        lines.append([])
        byteCount += Self.head.count + Self.tail.count - 1
        room = lineBytesLimit - Self.head.count - Self.tail.count + 1
      }
      lines[lines.count - 1].append(at)
      byteCount += count
      room -= count
    }
  }

  /// What a batch holds that only says something.
  static var nothing: ByteBuffer {
    let buffer = ByteBuffer(capacity: 0)
    buffer.seal()
    return buffer
  }

  /// The lines, sealed.
  func buffer(of page: LogPage) -> ByteBuffer {
    let buffer = ByteBuffer(capacity: byteCount)
    for line in lines {
      buffer.append(Self.head)
      for (number, at) in line.enumerated() {
        if number > 0 { buffer.append([UInt8(ascii: ",")]) }
        // SAFETY: the extent lies inside the page, whose reader has found it there; the bytes are copied.
        unsafe page.bytes.withUnsafeBytes {
          unsafe buffer.append(raw: UnsafeRawBufferPointer(rebasing: $0[page.events[at].extent]))
        }
      }
      buffer.append(Self.tail)
    }
    buffer.seal()
    return buffer
  }
}
