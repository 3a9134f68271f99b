import AuditEvents
import Testing

/// How a stream is cut into events, and what a broken piece costs.
@Suite struct FramingTests {
  private let event = SampleEvent().json
  /// The event printed over many lines, indented by one blank.
  private var pretty: String {
    var out = ""
    var depth = 0
    var isInString = false
    var previous: Character = " "
    for character in event {
      if character == "\"", previous != "\\" { isInString.toggle() }
      if !isInString, character == "}" || character == "]" {
        depth -= 1
        out += "\n" + String(repeating: " ", count: depth)
      }
      out.append(character)
      if !isInString {
        if character == "{" || character == "[" { depth += 1 }
        if character == "{" || character == "[" || character == "," {
          out += "\n" + String(repeating: " ", count: depth)
        } else if character == ":" {
          out += " "
        }
      }
      previous = character
    }
    return out
  }

  struct Row: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let text: String
    /// Events, ignored, rejected.
    let counts: [Int]
    init(_ name: String, _ text: String, _ counts: [Int]) {
      testDescription = name
      self.text = text
      self.counts = counts
    }
  }

  static var rows: [Row] {
    let event = SampleEvent().json
    let pretty = FramingTests().pretty
    let bom = "\u{feff}"
    let head = String(event.prefix(40))
    return [
      Row("nothing", "", [0, 0, 0]),
      Row("blank lines", "\n\r\n  \n\0\0\0\n", [0, 0, 0]),
      Row("lines", "\(event)\n\(event)\n", [2, 0, 0]),
      Row("no line feed at the end", "\(event)\n\(event)", [2, 0, 0]),
      Row("carriage returns", "\(event)\r\n\(event)\r\n", [2, 0, 0]),
      Row("byte order marks", "\(bom)\(event)\n\(bom)\(event)\n", [2, 0, 0]),
      Row("a hole of NUL bytes", String(repeating: "\0", count: 5000) + "\(event)\n", [1, 0, 0]),
      Row("documents without a line feed", event + event + " " + event, [3, 0, 0]),
      Row("a list on a line", "[\(event),\(event)]\n", [2, 0, 0]),
      Row("a list over lines", "[\n\(event),\n\(event)\n]\n", [2, 0, 0]),
      Row("an empty list", "[]\n", [0, 0, 0]),
      Row("over many lines", pretty + "\n" + pretty + "\n", [2, 0, 0]),
      Row("over many lines, then a line", pretty + "\n" + event + "\n", [2, 0, 0]),
      Row("a list of documents over many lines", "[\n" + pretty + ",\n" + pretty + "\n]", [2, 0, 0]),
      Row("over many lines, carriage returns", pretty.replacing("\n", with: "\r\n"), [1, 0, 0]),
      Row("without indentation", pretty.replacing(/\n +/, with: "\n"), [1, 0, 0]),
      Row("a node's name", "node-1.example.com \(event)\nnode-2 \(event)\n", [2, 0, 0]),
      Row("a name too long", String(repeating: "n", count: 255) + " \(event)\n", [0, 0, 1]),
      Row("a prefix with a quote", "\"node\" \(event)\n", [0, 0, 1]),
      Row("other text", "hello\n\(event)\nWARNING: x\n", [1, 2, 0]),
      Row("klog", "I0109 21:24:54.475483       1 x.go:1] {\"a\":1}\n\(event)\n", [1, 1, 0]),
      Row("legacy format", "2020-01-01T00:00:00.1Z AUDIT: id=\"x\" stage=\"y\"\n", [0, 1, 0]),
      Row("a scalar", "5\nnull\n\"x\"\n[1,2]\n", [0, 4, 0]),
      Row("an empty object", "{}\n", [0, 1, 0]),
      Row("another kind", #"{"kind":"Event","apiVersion":"v1","message":"x"}"# + "\n", [0, 1, 0]),
      Row("cut short", head + "\n" + event + "\n", [1, 0, 1]),
      Row("cut between tokens", #"{"kind":"Event","# + "\n" + event + "\n", [1, 0, 1]),
      Row("cut before a value", #"{"kind":"Event","user":"# + "\n" + event + "\n" + event + "\n", [2, 0, 1]),
      Row("cut inside a list", #"{"kind":"Event","sourceIPs":["# + "\n" + event + "\n", [1, 0, 1]),
      Row("cut over many lines", pretty.prefix(200) + "\n" + pretty + "\n", [1, 0, 1]),
      Row("the head is lost", event.dropFirst(30) + "\n" + event + "\n", [1, 0, 1]),
      Row("something behind it", "\(event) x\n\(event)\n", [1, 0, 1]),
      Row("a bracket too many", "\(event)}\n\(event)\n", [1, 0, 1]),
      Row("a broken escape", event.replacing("agent/1", with: #"ag\ent"#) + "\n" + event, [1, 0, 1]),
      Row("half of an escape", event.replacing("agent/1", with: #"ag\u12"#) + "\n" + event, [1, 0, 1]),
      Row("a trailing comma", event.dropLast() + ",}\n", [0, 0, 1]),
      Row("no comma", #"{"auditID":"x" "stage":"y"}"# + "\n", [0, 0, 1]),
      Row("a broken number", #"{"auditID":"x","stage":"y","z":01}"# + "\n", [0, 0, 1]),
      Row("a broken word", #"{"auditID":"x","stage":"y","z":nul}"# + "\n", [0, 0, 1]),
      Row("a broken group", event.replacing(#""g","h""#, with: #""g","h"#) + "\n" + event, [1, 0, 1]),
      Row(
        "runtime lines", "2024-01-01T00:00:00.0Z stdout F \(event)\n2024-01-01T00:00:00.0Z stderr F I0101 x\n",
        [1, 1, 0]),
      Row(
        "partial runtime lines",
        "2024-01-01T00:00:00.0Z stdout P \(event.prefix(100))\n2024-01-01T00:00:00.0Z stderr F I0101 x\n"
          + "2024-01-01T00:00:00.0Z stdout P \(event.dropFirst(100).prefix(50))\n"
          + "2024-01-01T00:00:00.0Z stdout F \(event.dropFirst(150))\n\(event)\n", [2, 1, 0]),
      Row(
        "a partial runtime line alone", "2024-01-01T00:00:00.0Z stdout P \(event.prefix(100))\n\(event)\n", [1, 0, 1]),
      Row(
        "runtime lines inside each other", String(repeating: "2024-01-01T00:00:00.0Z stdout F ", count: 20_000),
        [0, 1, 0]),
    ]
  }

  @Test(arguments: rows)
  func counts(_ row: Row) {
    #expect(decode(row.text).summary == row.counts)
    #expect(decodeInAnyOrder(Array(row.text.utf8)).summary == row.counts)
  }

  /// Every event comes out as itself, whatever stands around it.
  @Test(arguments: rows)
  func events(_ row: Row) {
    let whole = decode(event).events[0]
    for found in decode(row.text).events {
      var found = found
      found.sourceIPs = String(found.sourceIPs.filter { !$0.isWhitespace })
      #expect(found == whole)
    }
  }

  /// However a stream is cut into pieces, the answer is the same.
  @Test(arguments: rows)
  func pieces(_ row: Row) {
    let bytes = Array(row.text.utf8)
    guard bytes.count < 20_000 else { return }
    for length in [1, 7, 64, 1000] where length > 1 || bytes.count < 3_000 {
      let cut = decodeInPieces(bytes, of: length)
      // A text without its line feed is not told from a broken event before the line feed is there: both agree at the
      // end.
      #expect(cut.events == decode(bytes).events, "pieces of \(length)")
      #expect(cut.summary == row.counts, "pieces of \(length)")
    }
  }

  @Test func offsetsOfRejected() {
    #expect(decode("\(event)\n{\"auditID\"\n\(event)\n").offsets == [event.utf8.count + 1])
  }

  @Test func tooDeep() {
    let bombs = [
      String(repeating: "[", count: 100_000), String(repeating: #"{"a":"#, count: 100_000),
      #"{"kind":"Event","requestObject":"# + String(repeating: "[", count: 100_000),
      #"{"kind":"Event","user":"# + String(repeating: #"{"a":["#, count: 50_000),
    ]
    for bomb in bombs {
      let seen = decode(bomb + "\n" + event + "\n")
      #expect(seen.rejected == [.tooDeep] && seen.events.count == 1)
    }
  }

  @Test func depthAtTheLimit() {
    func nested(_ depth: Int) -> String {
      SampleEvent(
        bodies: #","requestObject":"# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
      ).json
    }
    let limits: (inout AuditDecoder.Limits) -> Void = { $0.speculatesOrder = false }
    #expect(decode(nested(200), limits).summary == [1, 0, 0])
    #expect(decode(nested(201), limits).rejected == [.tooDeep])
  }

  @Test func tooLong() {
    let long = SampleEvent(id: String(repeating: "x", count: 5_000)).json
    let limit: (inout AuditDecoder.Limits) -> Void = { $0.eventBytes = 4_000 }
    for text in ["\(long)\n\(event)\n", "node \(long)\n\(event)\n"] {
      let seen = decode(text, limit)
      #expect(seen.events.count == 1 && seen.rejected == [.tooLong])
    }
  }

  /// A pushed body has a limit of its own, and leaves that of streams as it was.
  @Test func bodiesMayBeLongerThanEvents() {
    var limits = AuditDecoder.Limits()
    limits.eventBytes = 4_000
    limits.bodyBytes = 20_000
    func list(_ count: Int) -> [UInt8] {
      let items = (0..<count).map { SampleEvent(id: "\($0)").json }.joined(separator: ",")
      return Array("{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"items\":[\(items)]}".utf8)
    }
    let count = 10_000 / SampleEvent(id: "0").json.utf8.count
    for speculates in [true, false] {
      limits.speculatesOrder = speculates
      var decoder = AuditDecoder(limits: limits)
      var sink = Recorder()
      #expect(list(count).count > 4_000 && list(count).count < 20_000)
      for round in 1...2 {
        #expect(decoder.decode(ByteBuffer(list(count)), .body, into: &sink) == list(count).count)
        #expect(sink.summary == [count * round, 0, round - 1])
        _ = decoder.decode(ByteBuffer(list(count)), .lastOfStream, into: &sink)
        #expect(sink.summary == [count * round, 0, round])
      }
      _ = decoder.decode(ByteBuffer(list(3 * count)), .body, into: &sink)
      #expect(Set(sink.rejected) == [.tooLong] && sink.rejected.count == 3)
    }
  }

  /// A document without end is let go once it is longer than an event may be.
  @Test func endless() {
    var limits = AuditDecoder.Limits()
    limits.eventBytes = 1_000
    var decoder = AuditDecoder(limits: limits)
    var sink = Recorder()
    for start in [#"{"auditID":""#, "{\n \"auditID\":\n", "text ", "2024-01-01T00:00:00.0Z stdout P {"] {
      let short = Array((start + String(repeating: "x", count: 500)).utf8)
      #expect(decoder.decode(ByteBuffer(short), .stream, into: &sink) == 0)
      let long = Array((start + String(repeating: "x", count: 1_500)).utf8)
      #expect(decoder.decode(ByteBuffer(long), .stream, into: &sink) == long.count)
    }
    #expect(sink.summary == [0, 0, 4] && Set(sink.rejected) == [.tooLong])
  }
}
