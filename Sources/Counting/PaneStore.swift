/// The panes of all windows of all series: for each list, how many events fell into which pane.
///
/// - Shape: a list is a chain of blocks of three panes in one slab; its head is an index that its owner keeps, 0 when
///   it is empty. Most series touch few panes, so nothing is reserved for the others, however far a feed is behind.
/// - Bound: what an edge has passed is dropped when a list would grow and whenever it is read, so a list holds no more
///   panes than are in reach.
/// - Complexity: an event in the order of time is found in the head block.
struct PaneStore: ~Copyable {
  /// Half of a cache line.
  struct Block {
    var pane0: UInt32 = 0
    var pane1: UInt32 = 0
    var pane2: UInt32 = 0
    /// 0 marks a free place.
    var count0: UInt32 = 0
    var count1: UInt32 = 0
    var count2: UInt32 = 0
    var next: UInt32 = 0
    private var unused: UInt32 = 0

    @inline(__always)
    mutating func bump(_ pane: UInt32, _ events: UInt32) -> Bool {
      // A count that would overflow is left alone: the pane then gets a second place, and the sum stays exact.
      if pane0 == pane, count0 != 0, count0 <= UInt32.max - events {
        count0 &+= events
      } else if pane1 == pane, count1 != 0, count1 <= UInt32.max - events {
        count1 &+= events
      } else if pane2 == pane, count2 != 0, count2 <= UInt32.max - events {
        count2 &+= events
      } else {
        return false
      }
      return true
    }

    mutating func fill(_ pane: UInt32, _ events: UInt32) -> Bool {
      if count0 == 0 {
        (pane0, count0) = (pane, events)
      } else if count1 == 0 {
        (pane1, count1) = (pane, events)
      } else if count2 == 0 {
        (pane2, count2) = (pane, events)
      } else {
        return false
      }
      return true
    }

    /// Drops the panes below `floor` and answers the sum of the others.
    mutating func prune(below floor: UInt32) -> UInt64 {
      if pane0 < floor { count0 = 0 }
      if pane1 < floor { count1 = 0 }
      if pane2 < floor { count2 = 0 }
      return UInt64(count0) + UInt64(count1) + UInt64(count2)
    }
  }

  /// Block 0 is never used.
  private var blocks = Slab(repeating: Block(), count: 1)
  private var free: UInt32 = 0

  /// Blocks in use or free, of 32 bytes.
  var blockCount: Int { blocks.count }

  /// Adds one event to `pane` where it is in the head block; false where it is not.
  @inline(__always)
  mutating func bump(_ head: UInt32, pane: UInt32) -> Bool { head != 0 && blocks[Int(head)].bump(pane, 1) }

  /// Adds events (at least one) to `pane`, which is not below `floor`.
  @inline(__always)
  mutating func add(_ events: UInt32 = 1, to head: inout UInt32, pane: UInt32, floor: UInt32) {
    if head != 0, blocks[Int(head)].bump(pane, events) { return }
    addSlowly(events, to: &head, pane: pane, floor: floor)
  }

  @inline(never)
  private mutating func addSlowly(_ events: UInt32, to head: inout UInt32, pane: UInt32, floor: UInt32) {
    var at = head
    while at != 0 {
      if blocks[Int(at)].bump(pane, events) { return }
      at = blocks[Int(at)].next
    }
    if head != 0, blocks[Int(head)].fill(pane, events) { return }
    _ = sum(&head, from: floor)
    if head != 0, blocks[Int(head)].fill(pane, events) { return }
    let fresh = takeBlock()
    blocks[Int(fresh)].next = head
    _ = blocks[Int(fresh)].fill(pane, events)
    head = fresh
  }

  /// The events at and above `floor`. What is below is dropped for good.
  mutating func sum(_ head: inout UInt32, from floor: UInt32) -> UInt64 {
    var total: UInt64 = 0
    var previous: UInt32 = 0
    var at = head
    while at != 0 {
      let inBlock = blocks[Int(at)].prune(below: floor)
      let next = blocks[Int(at)].next
      if inBlock == 0 {
        if previous == 0 { head = next } else { blocks[Int(previous)].next = next }
        giveBack(at)
      } else {
        total += inBlock
        previous = at
      }
      at = next
    }
    return total
  }

  /// Calls `body` with every place that is at or above `floor`: a pane may come twice. Changes nothing.
  func forEach(_ head: UInt32, from floor: UInt32, _ body: (_ pane: UInt32, _ events: UInt32) -> Void) {
    var at = head
    while at != 0 {
      let block = blocks[Int(at)]
      if block.count0 != 0, block.pane0 >= floor { body(block.pane0, block.count0) }
      if block.count1 != 0, block.pane1 >= floor { body(block.pane1, block.count1) }
      if block.count2 != 0, block.pane2 >= floor { body(block.pane2, block.count2) }
      at = block.next
    }
  }

  /// Fills an empty list with panes that are not empty, those below `floor` left out.
  mutating func fill(_ head: inout UInt32, _ list: PaneList, from floor: UInt32) {
    for (pane, events) in list.panes where pane >= floor {
      if head != 0, blocks[Int(head)].fill(pane, events) { continue }
      let fresh = takeBlock()
      blocks[Int(fresh)].next = head
      _ = blocks[Int(fresh)].fill(pane, events)
      head = fresh
    }
  }

  private mutating func takeBlock() -> UInt32 {
    guard free != 0 else {
      blocks.append(Block())
      return UInt32(blocks.count - 1)
    }
    let block = free
    free = blocks[Int(block)].next
    blocks[Int(block)] = Block()
    return block
  }

  private mutating func giveBack(_ block: UInt32) {
    blocks[Int(block)].next = free
    free = block
  }
}
