import Diagnostics
import FaultyFiles
import Glibc
import TestSupport
import Testing

@testable import State

/// Every write, sync, truncation, opening and removal fails once, thrice, or from some point on; the power is lost. Whatever
/// happens, the state is that after some commit, and no earlier one than the last that was acknowledged.
@Suite struct FaultTests {
  struct Plan: Sendable, CustomTestStringConvertible {
    let mode: faulty_mode
    let code: Int32
    /// Whether the power is lost in the end: what was not synced is gone.
    let losesPower: Bool

    var testDescription: String {
      "mode \(mode.rawValue), code \(code)\(losesPower ? ", power lost" : "")"
    }
  }

  private static let noSpace: Int32 = 13
  private static let writeError: Int32 = 778

  static let plans = [FAULTY_ONCE, FAULTY_THRICE, FAULTY_FROM_THEN_ON].flatMap { mode in
    [(noSpace, false), (writeError, false), (writeError, true)].map { Plan(mode: mode, code: $0.0, losesPower: $0.1) }
  }

  @Test(arguments: plans) func everyOperationMayFail(plan: Plan) throws {
    faulty_register()
    var n = 1
    var isOver = false
    while !isOver {
      isOver = try Files.withTemporaryFolder { folder in try run(plan, failingAt: n, in: folder) }
      n += 1
    }
    // Fewer would mean that the run does nothing.
    #expect(n > 60, "\(n) operations")
  }

  /// One run. Answers whether nothing failed in it.
  private func run(_ plan: Plan, failingAt n: Int, in folder: String) throws -> Bool {
    var maker = ChangeMaker(seed: 11)
    // The state after so many changes.
    var states = [maker.model]
    faulty_arm(n, plan.mode, plan.code)
    var pending = StateChange()
    var acknowledged = 0
    var store = Self.open(folder)
    // The exporter does not start, and is started again.
    for _ in 0..<3 where store == nil { store = Self.open(folder) }
    for _ in 0..<6 {
      pending.merge(maker.next(size: 6))
      states.append(maker.model)
      guard let store, (try? store.commit(pending)) != nil else { continue }
      pending = StateChange()
      acknowledged = states.count - 1
    }
    let operations = faulty_count()
    if plan.mode == FAULTY_ONCE, let store, !plan.losesPower {
      // It heals by itself.
      try store.commit(pending)
      acknowledged = states.count - 1
    }
    faulty_arm(0, FAULTY_NEVER, 0)
    if plan.losesPower { try Self.losePower(folder) } else { store?.close() }
    let found = try Self.load(plan.losesPower ? folder + "/after" : folder)
    #expect(states[acknowledged...].contains(found), "operation \(n): a state that never was, or an old one")
    return operations < n
  }

  /// What the disk held at this instant goes to `after`.
  private static func losePower(_ folder: String) throws {
    _ = unsafe mkdir(folder + "/after", 0o700)
    for end in ["", "-wal", "-journal"] {
      let path = folder + "/" + StateFile.name + end
      if let bytes = try? Files.read(path + ".disk") {
        try Files.write(bytes, to: folder + "/after/" + StateFile.name + end)
      }
    }
  }

  private static func open(_ folder: String) -> StateStore? {
    try? StateStore(.directory(folder), schema: .current, vfs: "faulty")
  }

  private static func load(_ folder: String) throws -> StateModel {
    let store = try StateStore(.directory(folder))
    defer { store.close() }
    return StateModel(try store.load())
  }
}
