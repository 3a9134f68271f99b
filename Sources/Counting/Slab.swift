/// Elements in memory of their own, changed in place: an array on the path of every event would ask each time whether it is
/// shared. Grows as needed and never shrinks.
///
/// - Shape: it begins where a cache line does, so that an element of 32 or 64 bytes lies in one line.
@safe struct Slab<Element: BitwiseCopyable>: ~Copyable {
  private static var lineBytes: Int { 64 }

  // SAFETY: `capacity` elements from `init` or `reserve` to `deinit`, the first `count` initialised; every index is checked
  // against `count`.
  private var start: UnsafeMutablePointer<Element>
  private var capacity: Int
  private(set) var count = 0

  init(capacity: Int = 8) {
    self.capacity = capacity
    unsafe start = Self.allocate(capacity)
  }

  init(repeating element: Element, count: Int) {
    self.init(capacity: count)
    append(element, count: count)
  }

  deinit { unsafe start.deallocate() }

  private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Element> {
    // SAFETY: as many bytes as so many elements take, bound to their type; a line's alignment is more than any element's.
    unsafe UnsafeMutableRawPointer.allocate(
      byteCount: max(1, capacity) * MemoryLayout<Element>.stride, alignment: lineBytes
    ).bindMemory(to: Element.self, capacity: capacity)
  }

  var indices: Range<Int> { 0..<count }
  var isEmpty: Bool { count == 0 }

  subscript(index: Int) -> Element {
    @inline(__always) get {
      // One comparison: what is negative is huge.
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
      return unsafe start[index]
    }
    @inline(__always) _modify {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
      yield unsafe &start[index]
    }
  }

  mutating func append(_ element: Element) {
    if count == capacity { grow(1) }
    unsafe (start + count).initialize(to: element)
    count &+= 1
  }

  /// Appends an element so many times.
  mutating func append(_ element: Element, count more: Int) {
    if count + more > capacity { grow(more) }
    unsafe (start + count).initialize(repeating: element, count: more)
    count += more
  }

  @inline(never)
  private mutating func grow(_ more: Int) {
    capacity = max(count + more, capacity * 2)
    let fresh = unsafe Self.allocate(capacity)
    unsafe fresh.initialize(from: start, count: count)
    unsafe start.deallocate()
    unsafe start = fresh
  }
}
