internal import Concurrency
internal import Engine

/// Which log groups are read, and where each was when the exporter ran before: a group that two targets name is read once.
final class GroupClaims: Sendable {
  private struct State {
    var saved: [String: [InputPosition]]
    var claimed: Set<String> = []
  }
  private let state: Lock<State>

  init(_ positions: [InputPosition]) {
    // A stream's name is the group's and what of it is kept, with a blank between them.
    state = Lock(State(saved: Dictionary(grouping: positions) { String($0.stream.prefix { $0 != " " }) }))
  }

  /// Takes the group, with its positions; nil when somebody has it.
  func claim(_ key: String) -> [InputPosition]? {
    state.withLock { state in
      guard state.claimed.insert(key).inserted else { return nil }
      return state.saved.removeValue(forKey: key) ?? []
    }
  }

  /// Gives it back: it is gone for good.
  func release(_ key: String) { state.withLock { _ = $0.claimed.remove(key) } }
}
