import Concurrency
import Diagnostics
import TestSupport
import Testing

@testable import Exporter

/// Keeps those who ask until it is told to answer.
private final class Desk: Sendable {
  let waiting = Lock<[HTTPResponder]>([])

  var route: Route { Route("/wait") { [self] _, responder in waiting.withLock { $0.append(responder) } } }
  var count: Int { waiting.withLock { $0.count } }

  func answerAll(_ text: String) -> [Bool] {
    let all = waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
    return all.map { $0.answer(.text(200, text)) }
  }
}

private let request = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"
private let hello = Route("/hello") { _, responder in responder.answer(.text(200, "hello")) }

@Suite struct WaitingTests {
  @Test func manyWaitWhileOthersAreServed() throws {
    let desk = Desk()
    let server = try HTTPServer.local([desk.route, hello])
    defer { server.stop(graceMilliseconds: 100) }
    let clients = try (0..<200).map { _ in try RawConnection(port: server.port) }
    for round in 0..<3 {
      for client in clients { client.send(request) }
      #expect(eventually { desk.count == 200 })
      #expect(try curl(server.port, "/hello").status == 200, "nobody's thread is taken")
      #expect(desk.answerAll("round \(round)").allSatisfy { $0 })
      for client in clients {
        #expect(client.read { $0.hasSuffix("\n") && $0.contains("round") }.hasSuffix("round \(round)\n"))
      }
    }
    #expect(server.count("/wait", 200) == 600)
    #expect(eventually { server.activeRequests == 0 })
  }

  @Test func answersRaceWithSuspension() throws {
    // Answered from other threads at the very moment at which the server suspends: nothing is lost or doubled.
    let jobs = Monitor<[HTTPResponder]>([])
    let isOver = Lock(false)
    let server = try HTTPServer.local([
      Route("/race") { _, responder in jobs.update { $0.append(responder) } }
    ])
    let workers = try (0..<3).map { _ in
      try NamedThread("answers") {
        while !isOver.withLock({ $0 }) {
          let next = jobs.wait(milliseconds: 20) { $0.popLast() }
          if let next {
            next.answer(.text(200, "raced"))
            #expect(!next.answer(.text(500, "twice")))
          }
        }
      }
    }
    let clients = try (0..<8).map { _ in try RawConnection(port: server.port) }
    for _ in 0..<200 {
      for client in clients { client.send("GET /race HTTP/1.1\r\nHost: x\r\n\r\n") }
      for client in clients { #expect(client.read { $0.hasSuffix("raced\n") }.components(of: "HTTP/1.1 200") == 1) }
    }
    isOver.withLock { $0 = true }
    for worker in workers { worker.join() }
    #expect(server.count("/race", 200) == 1_600)
    server.stop(graceMilliseconds: 100)
  }

  @Test func everyoneHasADeadline() throws {
    let desk = Desk()
    let server = try HTTPServer.local([desk.route]) { $0.answerSeconds = 1 }
    defer { server.stop(graceMilliseconds: 100) }
    let start = Clock.monotonic
    let answer = try curl(server.port, "/wait")
    let seconds = Double(Clock.monotonic - start) / 1e6
    #expect(answer.status == 503 && answer.header("retry-after") != nil)
    #expect(seconds > 0.9)
    #expect(desk.answerAll("late") == [false])
    #expect(server.count("/wait", 503) == 1 && server.count("/wait", 200) == 0)
  }

  @Test func whoLeavesWhileWaitingIsForgotten() throws {
    let desk = Desk()
    let server = try HTTPServer.local([desk.route])
    defer { server.stop(graceMilliseconds: 100) }
    var clients = try (0..<20).map { _ in try RawConnection(port: server.port) }
    for client in clients { client.send(request) }
    #expect(eventually { desk.count == 20 })
    clients.removeAll()
    _ = desk.answerAll("nobody")
    #expect(eventually { server.activeRequests == 0 })
  }

  @Test func stoppingFinishesWhatIsInFlight() throws {
    let desk = Desk()
    let server = try HTTPServer.local([desk.route, hello])
    let client = try RawConnection(port: server.port)
    client.send(request)
    let idle = try RawConnection(port: server.port)
    idle.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(idle.read { $0.hasSuffix("hello\n") }.hasSuffix("hello\n"))
    #expect(eventually { desk.count == 1 })
    let hasStopped = Lock(false)
    let stopper = try NamedThread("stopper") {
      // Longer than anybody here waits.
      server.stop(graceMilliseconds: 600_000)
      hasStopped.withLock { $0 = true }
    }
    #expect(eventually { (try? RawConnection(port: server.port)) == nil }, "new connections are refused")
    #expect(desk.answerAll("in time") == [true])
    let text = client.read()
    #expect(text.hasSuffix("in time\n") && text.contains("Connection: close"))
    #expect(eventually { hasStopped.withLock { $0 } }, "an idle connection holds nobody up")
    stopper.join()
    server.stop(graceMilliseconds: 0)
  }

  @Test func stoppingAnswersWhoStillWaits() throws {
    let desk = Desk()
    let server = try HTTPServer.local([desk.route])
    let clients = try (0..<50).map { _ in try RawConnection(port: server.port) }
    for client in clients { client.send(request) }
    #expect(eventually { desk.count == 50 })
    server.stop(graceMilliseconds: 200)
    for client in clients { #expect(client.read().hasPrefix("HTTP/1.1 503 ")) }
    #expect(desk.answerAll("late").allSatisfy { !$0 })
  }

  @Test func stoppingUnderLoadNeverHangs() throws {
    for _ in 0..<10 {
      let desk = Desk()
      let server = try HTTPServer.local([desk.route, hello])
      let port = server.port
      let isOver = Lock(false)
      let workers = try (0..<4).map { index in
        try NamedThread("load") {
          while !isOver.withLock({ $0 }) {
            guard let leaver = try? RawConnection(port: port) else { break }
            leaver.send(request)
            if index % 2 == 0 { _ = desk.answerAll("x") }
            // Who leaves unheard comes back no faster than others are served, or nobody else finds a place in the line.
            guard let client = try? RawConnection(port: port) else { break }
            client.send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            _ = client.read()
          }
        }
      }
      #expect(eventually { server.count("/hello", 200) >= 20 }, "the load runs")
      server.stop(graceMilliseconds: 20)
      isOver.withLock { $0 = true }
      for worker in workers { worker.join() }
    }
  }

  @Test func timersFireInOrderAndNotWhenCancelled() throws {
    var gap = 20
    while gap < 60_000, try !timersFire(gap) { gap *= 2 }
    #expect(gap < 60_000, "this thread was never left to run")
  }

  /// Timers that many milliseconds apart. False when this thread was held up for so long that they were not.
  private func timersFire(_ gap: Int) throws -> Bool {
    let timers = try Timers()
    let fired = Monitor<[Int]>([])
    let start = Clock.monotonic
    for at in [5, 1, 4, 2, 3] { timers.schedule(after: at * gap) { fired.update { $0.append(at) } } }
    timers.cancel(timers.schedule(after: gap + gap / 2) { fired.update { $0.append(99) } })
    let wasQuick = Clock.monotonic - start < Microseconds(gap) * 1_000
    timers.schedule(after: 3_600_000) { fired.update { $0.append(100) } }
    if wasQuick {
      #expect(fired.wait(milliseconds: 5 * gap + 60_000) { $0.count == 5 ? $0 : nil } == [1, 2, 3, 4, 5])
    }
    timers.stop()
    let before = fired.withLock { $0 }
    timers.schedule(after: 0) { fired.update { $0.append(101) } }
    #expect(fired.withLock { $0 } == before)
    return wasQuick
  }
}
