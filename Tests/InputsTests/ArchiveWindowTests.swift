import AuditEvents
import Concurrency
import Diagnostics
import Engine
import Glibc
import TestSupport
import Testing

@testable import Inputs

/// One window at a time in the process: one test after another.
@Suite(.serialized) struct ArchiveWindowTests {
  /// Windows first and reading afterwards give every byte once, in order, cut after line breaks.
  @Test(arguments: 0..<Campaign.size("archives", short: 60))
  func everyByteOnce(number: Int) throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed &+ number))
    let content = Self.content(&random)
    let file = try TemporaryFile(content)
    let start = number % 3 == 0 ? min(content.count, Int(random.next() % 9_000)) : 0
    lseek(file.descriptor, off_t(start), SEEK_SET)
    let bytes = FileWindow.pageBytes * Int(1 + random.next() % 5)
    var windows = ArchiveWindows(file.descriptor, windowBytes: bytes)
    var got: [UInt8] = []
    while let lines = try windows.next() {
      #expect(lines.count <= bytes)
      lines.content { content, padding in
        #expect(content.last == 0x0a)
        #expect(padding.allSatisfy { $0 == 0x22 })
        got += content
      }
    }
    try windows.finish()
    #expect(Int(lseek(file.descriptor, 0, SEEK_CUR)) == start + got.count)
    #expect(Array(content[start..<start + got.count]) == got)
    // What is left has no whole window, or no line break in the next one.
    let rest = content[(start + got.count)...]
    let next = rest.prefix(bytes - (start + got.count) % FileWindow.pageBytes - ByteBuffer.paddingBytes)
    #expect(rest.count + (start + got.count) % FileWindow.pageBytes < bytes || !next.contains(0x0a))
  }

  /// Whatever can be read is read whole, through windows or not, and no window is left open.
  @Test(arguments: 0..<20)
  func archivesAreReadWhole(number: Int) throws {
    var random = SplitMix64(seed: UInt64(Campaign.seed &+ number) &+ 1 << 32)
    var content: [UInt8] = []
    while content.count < 5 << 20 { content += Self.content(&random) }
    let file = try TemporaryFile(content)
    var got: [UInt8] = []
    var told = 0
    try Archive(path: file.path, lineBytesLimit: 16 << 20).read(stream: 1, cluster: "c") { batch in
      batch.bytes.content { content, _ in got += content }
      told += batch.sourceBytes
    }
    #expect(got == content)
    #expect(told == content.count)
    #expect(FileWindow(file.descriptor, at: 0, bytes: FileWindow.pageBytes) != nil)
  }

  /// A file that is cut short while its window is open neither ends the process nor goes unnoticed.
  @Test func aFileThatIsCutShortIsTold() throws {
    let line = [UInt8](repeating: 0x61, count: 99) + [0x0a]
    let file = try TemporaryFile(Array([[UInt8]](repeating: line, count: 1_000).joined()))
    var windows = ArchiveWindows(file.descriptor, windowBytes: 8 * FileWindow.pageBytes)
    let first = try #require(try windows.next())
    let kept = FileWindow.pageBytes + 10
    #expect(ftruncate(file.descriptor, off_t(kept)) == 0)
    first.content { content, _ in
      #expect(content.prefix(kept).allSatisfy { $0 == 0x61 || $0 == 0x0a })
      #expect(content.dropFirst(kept).prefix(FileWindow.pageBytes).allSatisfy { $0 == 0 })
    }
    withExtendedLifetime(first) {}
    #expect(throws: SourceProblem.replaced) { try windows.next() }
  }

  /// The same beneath an archive: what was counted before stays, and the fault is told with what to do.
  @Test func anArchiveThatIsCutShortIsTold() throws {
    let line = [UInt8](repeating: 0x61, count: 1_023) + [0x0a]
    let file = try TemporaryFile(Array([[UInt8]](repeating: line, count: 8_192).joined()))
    var pieces = 0
    let failure = #expect(throws: Failure.self) {
      try Archive(path: file.path, lineBytesLimit: 16 << 20).read(stream: 1, cluster: "c") { batch in
        pieces += 1
        if pieces == 2 { #expect(ftruncate(file.descriptor, 3 << 20) == 0) }
        var sum = 0
        batch.bytes.content { content, _ in sum = content.reduce(0) { $0 + Int($1) } }
        #expect(sum > 0 || pieces > 2)
      }
    }
    #expect(failure?.reason == .readFailed)
    #expect(FileWindow(file.descriptor, at: 0, bytes: FileWindow.pageBytes) != nil)
  }

  /// While one window is open there is no other, so that whoever wants one reads instead.
  @Test func thereIsOneWindow() throws {
    let file = try TemporaryFile([UInt8](repeating: 0x0a, count: 4 * FileWindow.pageBytes))
    let first = FileWindow(file.descriptor, at: 0, bytes: FileWindow.pageBytes)
    #expect(first != nil)
    #expect(FileWindow(file.descriptor, at: 0, bytes: FileWindow.pageBytes) == nil)
    withExtendedLifetime(first) {}
  }

  /// Lines short and long, some longer than any window of these tests, zeros among them, the last without an end.
  private static func content(_ random: inout SplitMix64) -> [UInt8] {
    var content: [UInt8] = []
    for _ in 0..<Int(random.next() % 60) {
      let length = [0, 1, 63, 64, 1_000, 4_096, 30_000][Int(random.next() % 7)] + Int(random.next() % 70)
      let byte = UInt8([0x61, 0x22, 0x7b, 0x00][Int(random.next() % 16) / 5])
      content += [UInt8](repeating: byte == 0 ? 0x20 : byte, count: length) + [0x0a]
    }
    if random.next() % 2 == 0 { content += Array("unfinished".utf8) }
    return content
  }
}

extension ByteBuffer {
  /// Lends the content and the padding behind it.
  fileprivate func content(_ body: (_ content: [UInt8], _ padding: [UInt8]) -> Void) {
    unsafe withBytes { bytes in
      let behind = unsafe UnsafeBufferPointer(
        start: bytes.baseAddress.map { unsafe $0 + bytes.count }, count: Self.paddingBytes)
      unsafe body(Array(bytes), Array(behind))
    }
  }
}

/// A file that is open for reading and writing, and has no name any more when the test is over.
private final class TemporaryFile {
  let path: String
  let descriptor: Int32

  init(_ content: [UInt8]) throws {
    path = "\(Files.fastPlace)/archive-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    try Files.write(content, to: path)
    descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
    try #require(descriptor >= 0)
  }

  deinit {
    close(descriptor)
    unsafe unlink(path)
  }
}
