internal import AuditEvents
internal import Concurrency
public import Diagnostics
public import Engine
import Glibc

/// A file that is read once, from its beginning to its end: what `replay` reads. Plain or gzip; `-` is standard input.
public struct Archive: Sendable {
  /// As the user wrote it.
  public let path: String
  /// One such buffer is read over and over. Measured: the kernel copies a long read faster than several short ones, and
  /// beyond this nothing is gained.
  private let chunkBytes = 1 << 20
  private let lineBytesLimit: Int

  /// - Parameter lineBytesLimit: longer lines are passed on cut, so that they are rejected as too long.
  public init(path: String, lineBytesLimit: Int) {
    self.path = path
    self.lineBytesLimit = lineBytesLimit
  }

  /// Bytes there are, where that is known.
  public var totalBytes: Int? {
    var facts = stat()
    let code = unsafe path == "-" ? fstat(STDIN_FILENO, &facts) : stat(path, &facts)
    return code == 0 && facts.st_mode & S_IFMT == S_IFREG ? Int(facts.st_size) : nil
  }

  /// Hands over its content as one stream, in the caller's thread.
  ///
  /// - Parameters:
  ///   - stream: the number of the stream, different for each archive of a run.
  ///   - take: gets every piece, the last one as the end of the stream.
  /// - Errors: reason `read_failed` or `bad_gzip`; what came before the fault was handed over, and its end is the stream's.
  public func read(stream: UInt64, cluster: String, _ take: (Batch) -> Void) throws(Failure) {
    let descriptor = unsafe path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(.system(.last)) }
    defer { if descriptor != STDIN_FILENO { close(descriptor) } }
    var source = StdinSource(descriptor, stop: StopSignal())
    var cutter = LineCutter(chunkBytes: chunkBytes, lineBytesLimit: lineBytesLimit, keepsRoom: true)
    func batch(_ bytes: ByteBuffer, sourceBytes: Int, isLast: Bool = false) -> Batch {
      Batch(
        input: 0, cluster: cluster, arrival: 0, shape: isLast ? .endOfStream(id: stream) : .stream(id: stream),
        bytes: bytes, reservedBytes: 0, sourceBytes: sourceBytes)
    }
    var problem: SourceProblem?
    do throws(SourceProblem) {
      var windows = ArchiveWindows(descriptor)
      while let lines = try windows.next() { take(batch(lines, sourceBytes: lines.count)) }
      try windows.finish()
    } catch {
      problem = error
    }
    reading: while problem == nil {
      do throws(SourceProblem) {
        switch try cutter.next(from: &source, expecting: chunkBytes, to: Unbounded()) {
        case .lines(let bytes, _):
          take(batch(bytes, sourceBytes: source.takeReadBytes()))
          cutter.reuse(bytes)
        case .more, .zeros, .noRoom: break
        case .atEnd: break reading
        }
      } catch {
        problem = error
        break reading
      }
    }
    take(batch(cutter.takeCarry(), sourceBytes: source.takeReadBytes(), isLast: true))
    if let problem { throw failure(problem) }
  }

  private func failure(_ problem: SourceProblem) -> Failure {
    let place = Failure.Place.path(path)
    switch problem {
    case .system(let error):
      return Failure(
        .readFailed, "cannot be read: \(error.text)", at: place, remedy: "Check the path and its permissions")
    case .damaged:
      return Failure(
        .badGzip, "begins like gzip and cannot be decompressed to its end", at: place,
        remedy: "Counts are of what came before the damage; fetch the file again")
    case .replaced:
      return Failure(.readFailed, "changed while it was read", at: place, remedy: "Replay a copy")
    }
  }
}

/// Whoever reads in the thread that counts holds one piece at a time and needs no budget.
private struct Unbounded: BatchOutlet {
  func reserve(_ bytes: Int) -> Bool { true }
  func release(_ bytes: Int) {}
  func put(_ batch: Batch) -> Bool { true }
}
