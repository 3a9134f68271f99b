import Counting
import Diagnostics
import FuzzSupport
import Glibc
import Metrics

@testable import Engine
@testable import Inputs
@testable import State

private let place = Workplace()
private let origins = Result { try Origins.make(in: place) }

private let reasons: Set<Failure.Reason> = [
  .stateLocked, .stateDamaged, .stateForeign, .stateNewer, .stateDenied, .stateFailed, .countingState,
]

private func judge(_ failure: Failure) {
  demand(reasons.contains(failure.reason), "refused as \(failure)")
  demand(!failure.what.isEmpty && !failure.remedy.isEmpty, "without a reason or a remedy: \(failure)")
}

/// How far a state got, and what was seen of it.
private struct Course {
  /// Opened and read by the store.
  var isOpened = false
  /// Taken up by the engine.
  var books: Books?
  var requests = 0.0
  var isCommitted = false
  /// A total has come to where a double is no longer exact: nothing real does, and the next start refuses it as damage.
  var isFull = false
}

/// Begins with what is there, counts on and commits, as the exporter does.
private func go(round: Int) throws(Failure) -> Course {
  var course = Course()
  let store = try StateStore(.directory(place.folder))
  defer { store.close() }
  let saved = try store.load()
  course.isOpened = true
  for position in saved.positions {
    let told = InputPosition(stream: position.key.stream, offset: position.offset, mark: position.mark)
    // What can be read is written as something that can be read.
    if let known = SavedPosition(told) { demand(SavedPosition(known.position) != nil, "a position: \(told)") }
  }
  var engine: Engine
  do throws(Failure) { engine = try Engine(Counted.settings, restoring: saved) } catch {
    judge(error)
    return course
  }
  let before = Books(engine.readings(at: Counted.begin))
  for batch in Counted.batches(round) { _ = engine.count(batch) }
  let readings = engine.readings(at: Counted.begin + 3_600_000_000)
  let after = Books(readings)
  // A damaged account need not balance; beyond 2^53 doubles are not exact.
  if after.received < 9e15, after.explained < 9e15 {
    demand(after.received - before.received == 48, "counting does not go on: \(before), \(after)")
    demand(after.explained - before.explained == 48, "the books do not balance: \(before), \(after)")
  }
  for family in Families.all {
    readings[family.id].forEach { _, labels, value in
      _ = labels.count
      course.isFull = course.isFull || value >= 9e15
    }
  }
  course.books = after
  course.requests = readings[.requests].rows.reduce(0) { $0 + $1.value }
  do throws(Failure) {
    try store.commit(engine.takeChange())
    course.isCommitted = true
  } catch { judge(error) }
  return course
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  guard case .success(let origins) = origins else { fatalError("no state to begin with: \(origins)") }
  var input = InputReader(unsafe bytesOfInput(data, size))
  place.put(origins[input.choice(origins.count)])
  var damage = Damage(place: place)
  damage.apply(&input)
  let before = place.get()
  let course: Course
  do throws(Failure) { course = try go(round: 7) } catch {
    judge(error)
    demand(before.isKept(by: place.get()), "refused, and written to: \(error)")
    return 0
  }
  let size = place.get().database.count
  demand(size <= before.database.count + (before.log?.count ?? 0) + (1 << 20), "it has grown to \(size) bytes")
  guard course.isCommitted, !course.isFull, damage.keepsFileWhole else { return 0 }
  do throws(Failure) {
    let again = try go(round: 8)
    demand(again.books != nil, "what was written is not taken up")
    demand(again.requests >= course.requests, "requests were lost")
  } catch { fatalError("what was written is refused: \(error)") }
  return 0
}
