internal import Counting
extension Counters {
  mutating func takeDelta() -> CountingDelta { CountingDelta() }
  mutating func restore(_ state: CountingState) {}
}
