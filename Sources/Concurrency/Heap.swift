internal import CLinux

/// How the C library's allocator behaves in this process.
public enum Heap {
  /// All threads share one heap, whose free end goes back to the system: a batch or a page that one thread took and another
  /// let go would else stay resident once for each thread. Call it before threads start.
  public static func useOne() { kae_use_one_heap() }

  /// Gives back to the system what is free in whole pages, wherever it lies.
  public static func trim() { kae_trim_heap() }

  /// Memory that was let go is kept for the next use and not given back to the system, which would clear it and map it
  /// again: for a process that counts one log and ends. The heap's beginning is in huge pages, where the system has them
  /// for who asks: tables that are read at random then miss no page, and none is faulted in by itself.
  public static func keep() { kae_keep_heap(hugeBytes) }

  /// More than the tables take at their usual limits; what is not touched is not there.
  private static let hugeBytes = 32 << 20
}
