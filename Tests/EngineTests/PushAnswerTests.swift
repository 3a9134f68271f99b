import Engine
import Testing

/// 400 is only for a body in which nothing can be read: a refused batch is lost for ever.
@Suite struct PushAnswerTests {
  struct Row: CustomTestStringConvertible {
    var body: String
    var answer: PushAnswer
    var outcome: Outcome
    var testDescription: String { body.isEmpty ? "nothing" : String(body.prefix(50)) }
  }

  private static let event = EventFields(serial: 1).ordered
  private static let head = "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"metadata\":{},\"items\":["

  static let rows = [
    Row(body: "", answer: .nothingReadable, outcome: Outcome()),
    Row(body: "{", answer: .nothingReadable, outcome: Outcome(rejected: 1)),
    Row(body: "{\"a\":}\n{\"b\":}\n", answer: .nothingReadable, outcome: Outcome(rejected: 2)),
    Row(body: head + "17]}", answer: .nothingReadable, outcome: Outcome(rejected: 1)),
    Row(body: head + "]}", answer: .accepted, outcome: Outcome()),
    Row(body: "[]", answer: .accepted, outcome: Outcome()),
    Row(body: head + "17," + event + "]}", answer: .accepted, outcome: Outcome(counted: 1, rejected: 1)),
    Row(body: head + event + ",{\"level\":\"Meta", answer: .accepted, outcome: Outcome(counted: 1, rejected: 1)),
    Row(body: event, answer: .accepted, outcome: Outcome(counted: 1)),
    Row(body: "{\"a\":}\n" + event, answer: .accepted, outcome: Outcome(counted: 1, rejected: 1)),
    Row(body: "some text\n{\"a\":}\n", answer: .accepted, outcome: Outcome(ignored: 1, rejected: 1)),
    Row(
      body: "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}", answer: .accepted,
      outcome: Outcome(ignored: 1)),
    Row(
      body: event.range(upTo: ",\"requestReceivedTimestamp\""), answer: .accepted,
      outcome: Outcome(counted: 1, salvaged: 1)),
  ]

  @Test(arguments: rows) func answers(row: Row) {
    var bench = Workbench()
    #expect(bench.push(row.body) == row.answer)
    #expect(bench.outcome(input: 2) == row.outcome)
    // A redelivery gets the same answer.
    #expect(bench.push(row.body) == row.answer)
    #expect(bench.outcome(input: 2).duplicate == row.outcome.received)
    #expect(bench.readings().isBalanced)
  }

  @Test func piecesOfStreamsAreNeverRefused() {
    var bench = Workbench()
    #expect(bench.count("{\"a\":}\n".utf8, .stream(id: 1)) == .accepted)
    #expect(bench.count("{".utf8, .endOfStream(id: 1)) == .accepted)
    #expect(bench.outcome(input: 0) == Outcome(rejected: 2))
  }
}
