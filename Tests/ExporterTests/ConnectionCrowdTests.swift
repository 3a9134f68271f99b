import Glibc
import TestSupport
import Testing

@testable import Exporter

@Suite struct ConnectionCrowdTests {
  /// A connection that is none, and whether it was cut.
  private final class Seat {
    let watch: ConnectionWatch
    private let own: Int32
    private let other: Int32

    init(_ crowd: ConnectionCrowd, _ timers: Timers, _ lingerer: Lingerer) throws {
      var pair: [Int32] = [-1, -1]
      try #require(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0)
      (own, other) = (pair[0], pair[1])
      watch = ConnectionWatch(descriptor: own, timers: timers, lingerer: lingerer, crowd: crowd, peer: nil)
      crowd.join(watch)
    }

    deinit {
      watch.end()
      close(own)
      close(other)
    }

    var isCut: Bool {
      var byte: UInt8 = 0
      return unsafe recv(other, &byte, 1, Int32(MSG_DONTWAIT)) == 0
    }
  }

  /// Who goes is who the rule names, after every step of random programs.
  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func theOneThatMayGoGoes(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let timers = try Timers()
    defer { timers.stop() }
    let lingerer = Lingerer(timers: timers)
    let limit = 6
    let crowd = ConnectionCrowd(limit: limit)
    var seats: [(seat: Seat, standing: Int, since: Int)] = []
    for step in 0..<400 {
      if random.next() % 2 == 0 || seats.isEmpty {
        let goes =
          seats.count < limit
          ? nil : seats.filter { $0.standing < 4 }.min { ($0.standing, $0.since) < ($1.standing, $1.since) }
        seats.append((try Seat(crowd, timers, lingerer), 0, step))
        if let goes {
          #expect(goes.seat.isCut, "step \(step)")
          seats.removeAll { $0.seat === goes.seat }
        }
      } else {
        let at = Int(random.next() % UInt64(seats.count))
        if random.next() % 5 == 0 {
          seats.remove(at: at)
        } else {
          let standing = Int(random.next() % 5)
          seats[at].seat.watch.stand(try #require(ConnectionCrowd.Standing(rawValue: standing)))
          (seats[at].standing, seats[at].since) = (standing, step)
        }
      }
      #expect(seats.allSatisfy { !$0.seat.isCut }, "step \(step)")
    }
    crowd.cutIdle()
    for (seat, standing, _) in seats { #expect(seat.isCut == (standing == 1)) }
  }
}
