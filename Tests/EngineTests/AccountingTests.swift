import Diagnostics
import Engine
import Metrics
import TestSupport
import Testing

/// `received = counted + not_a_request + duplicate + ignored + rejected + dropped`, after every batch of any program.
@Suite struct AccountingTests {
  @Test(arguments: 0..<120) func everyBatchBalances(seed: Int) {
    var program = AccountingProgram(seed: UInt64(seed))
    for step in 0..<60 {
      program.step()
      #expect(program.bench.readings().isBalanced, "seed \(seed), step \(step)")
      if program.bodiesAnswered { checkBodies(&program, seed) }
    }
    program.finish()
    for input in Workbench.inputs.indices {
      #expect(program.bench.outcome(input: input) == program.expected[input], "seed \(seed), input \(input)")
    }
    #expect(program.bench.readings().isBalanced)
    #expect(program.bench.readings().sum(.inputBytes) == program.bytes)
  }

  /// Bodies are whole, so what became of them is known at once.
  private func checkBodies(_ program: inout AccountingProgram, _ seed: Int) {
    #expect(program.bench.outcome(input: 2) == program.expected[2], "seed \(seed)")
    #expect(program.answer == program.expectedAnswer, "seed \(seed)")
  }

  @Test func eachWayOutIsCountedByItsReason() {
    var bench = Workbench()
    bench.push("I0304 05:06:07.1 1 x.go:1] text\n{\"category\":\"guard\",\"properties\":{}}\n")
    bench.push("{\"messageType\":\"CONTROL_MESSAGE\",\"logEvents\":[]}\n{\"a\":]}\n")
    bench.count("{\n  \"kind\": \"Event\",\n".utf8, .stream(id: 1))
    bench.engine.endStreams()
    let page = bench.page()
    for line in [
      "ignored_total{input=\"webhook\",reason=\"other_text\"} 1",
      "rejected_total{input=\"webhook\",reason=\"malformed\"} 1",
      "ignored_total{input=\"webhook\",reason=\"other_category\"} 1",
      "ignored_total{input=\"webhook\",reason=\"control_message\"} 1",
      "dropped_total{input=\"file\",reason=\"shutdown\"} 1", "received_total{input=\"file\"} 1",
    ] {
      #expect(page.contains("kube_audit_events_" + line + "\n"), "\(line)")
    }
  }

  @Test func endingStreamsTwiceDropsOnce() {
    var bench = Workbench()
    for id in 1...3 { bench.count("{\n".utf8, .stream(id: UInt64(id)), input: id % 2) }
    bench.engine.endStreams()
    bench.engine.endStreams()
    #expect(bench.outcome(input: 0) == Outcome(dropped: 1))
    #expect(bench.outcome(input: 1) == Outcome(dropped: 2))
  }
}

/// A random program over two inputs with two streams each and one that takes bodies.
struct AccountingProgram: ~Copyable {
  var bench = Workbench()
  var expected = [Outcome](repeating: Outcome(), count: 3)
  var bytes = 0
  /// Whether the last step pushed a body, and the answers to it.
  var bodiesAnswered = false
  var answer = PushAnswer.accepted
  var expectedAnswer = PushAnswer.accepted

  private var text: AuditText
  private var random: SplitMix64
  /// Of each stream, lines that were written and not handed in yet.
  private var waiting = [[UInt8]](repeating: [], count: 4)
  private var sent: [Body] = []

  private struct Body {
    var text: String
    var path: String
    var outcome: Outcome
    var last: Microseconds
  }

  init(seed: UInt64) {
    text = AuditText(seed: seed)
    random = SplitMix64(seed: ~seed)
  }

  mutating func step() {
    bodiesAnswered = false
    switch random.pick(0...9) {
    case 0...5: stepStream(random.pick(0...3))
    case 6, 7: pushNew()
    case 8: pushAgain()
    default: bench.arrival += Microseconds(random.pick(0...200)) * 1_000_000
    }
  }

  /// Ends half of the streams with their last piece; the others are dropped in the middle of a document.
  mutating func finish() {
    for stream in 0..<4 {
      if stream % 2 == 0 {
        hand(stream, waiting[stream].count, isLast: true)
      } else {
        waiting[stream] += "{\n  \"kind\": \"Event\",\n".utf8
        hand(stream, waiting[stream].count, isLast: false)
        expected[stream / 2].dropped += 1
      }
    }
    bench.engine.endStreams()
  }

  private mutating func stepStream(_ stream: Int) {
    for _ in 0..<random.pick(0...3) {
      let piece = text.piece()
      waiting[stream] += piece.text.utf8
      expected[stream / 2] += piece.outcome
    }
    let breaks = waiting[stream].indices.filter { waiting[stream][$0] == UInt8(ascii: "\n") }
    guard !breaks.isEmpty else { return }
    hand(stream, breaks[random.pick(0...breaks.count - 1)] + 1, isLast: false)
  }

  private mutating func hand(_ stream: Int, _ count: Int, isLast: Bool) {
    let id = UInt64(stream)
    bench.count(waiting[stream].prefix(count), isLast ? .endOfStream(id: id) : .stream(id: id), input: stream / 2)
    bytes += count
    waiting[stream].removeFirst(count)
  }

  private mutating func pushNew() {
    var body = Body(text: "", path: "/webhook", outcome: Outcome(), last: bench.arrival)
    for _ in 0..<random.pick(1...4) {
      let piece = text.piece(azure: false)
      body.text += piece.text
      body.outcome += piece.outcome
    }
    // Bodies of noise alone may be equal by chance.
    body.text += " \n" + String(repeating: " ", count: sent.count + 1)
    sent.append(body)
    push(body, body.outcome)
  }

  /// A redelivery, a delivery to another path, or one after the table has forgotten.
  private mutating func pushAgain() {
    guard !sent.isEmpty else { return }
    let index = random.pick(0...sent.count - 1)
    if random.oneIn(4) {
      let path = "/webhook/\(sent.count)"
      sent.append(Body(text: sent[index].text, path: path, outcome: sent[index].outcome, last: bench.arrival))
      push(sent[sent.count - 1], sent[index].outcome)
    } else if bench.arrival - sent[index].last <= 600 * 1_000_000 {
      push(sent[index], Outcome(duplicate: sent[index].outcome.received))
    } else {
      sent[index].last = bench.arrival
      push(sent[index], sent[index].outcome)
    }
  }

  private mutating func push(_ body: Body, _ outcome: Outcome) {
    answer = bench.push(body.text, to: body.path)
    bytes += body.text.utf8.count
    expected[2] += outcome
    bodiesAnswered = true
    let isUnreadable = body.outcome.rejected > 0 && body.outcome.rejected == body.outcome.received
    expectedAnswer = isUnreadable ? .nothingReadable : .accepted
  }
}
