/// Elements in memory of their own, changed in place: an array on the path of every event would ask each time whether it is
/// shared. Grows as needed and never shrinks.
@safe struct Slab<Element: BitwiseCopyable>: ~Copyable {
  // SAFETY: `capacity` elements from `init` or `append` to `deinit`, the first `count` initialised; every index is checked
  // against `count`.
  private var start: UnsafeMutablePointer<Element>
  private var capacity = 8
  private(set) var count = 0

  init() { unsafe start = .allocate(capacity: capacity) }
  deinit { unsafe start.deallocate() }

  var indices: Range<Int> { 0..<count }

  subscript(index: Int) -> Element {
    @inline(__always) get {
      precondition(index >= 0 && index < count)
      return unsafe start[index]
    }
    @inline(__always) _modify {
      precondition(index >= 0 && index < count)
      yield unsafe &start[index]
    }
  }

  /// Appends an element so many times.
  mutating func append(_ element: Element, count more: Int) {
    if count + more > capacity {
      capacity = max(count + more, capacity * 2)
      let fresh = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
      unsafe fresh.initialize(from: start, count: count)
      unsafe start.deallocate()
      unsafe start = fresh
    }
    unsafe (start + count).initialize(repeating: element, count: more)
    count += more
  }
}
