internal import AuditEvents
internal import Diagnostics
internal import Engine
import Glibc
internal import Rules

/// `Attach/Exec Pod=1`: how many events a rule must match.
struct RuleExpectation: Sendable {
  let rule: String
  let count: Int

  /// Nil for a text that is none.
  init?(_ text: String) {
    guard let sign = text.lastIndex(of: "="), let count = Int(text[text.index(after: sign)...]), count >= 0 else {
      return nil
    }
    rule = String(text[..<sign])
    self.count = count
  }
}

/// Evaluates rules on a few events for people: `rules test` and `rules explain`.
struct RuleTrial {
  static let eventsHelp = "Audit events as any input reads them, uncompressed, 4 MiB at most. May be repeated."

  private let rules: RuleSet
  private let files: [String]
  private let console: Console

  init(_ rules: RuleSet, events: [String], _ console: Console) {
    self.rules = rules
    files = events
    self.console = console
  }

  /// Prints each match and how many there were. The exit code: 1 when an expectation does not hold, or not all could be
  /// read.
  func test(_ format: ListFormat, _ expectations: [RuleExpectation]) -> Int32 {
    var counts = [Int](repeating: 0, count: rules.rules.count)
    var matches = TextTable(["time", "priority", "rule", "output"], numeric: [])
    var lines = ""
    let isWhole = forEachEvent { event, run, _ in
      for number in run.matches {
        let rule = rules.rules[number]
        counts[number] += 1
        let time = event.time == AuditEvent.absentTime ? "" : Timestamp.text(event.time)
        let output = run.output(of: number, event)
        matches.rows.append([time, rule.priority.label, rule.name, output])
        lines +=
          "{\"time\":\(LogFormat.quoted(time)),\"priority\":\"\(rule.priority.label)\","
          + "\"rule\":\(LogFormat.quoted(rule.name)),\"output\":\(LogFormat.quoted(output))}\n"
      }
    }
    if format == .json {
      console.out(lines)
    } else {
      console.out(matches.rows.isEmpty ? "No rule matched.\n" : matches.text(columns: Terminal.columns(STDOUT_FILENO)))
    }
    return hold(expectations, counts) && isWhole ? 0 : 1
  }

  private func hold(_ expectations: [RuleExpectation], _ counts: [Int]) -> Bool {
    var hold = true
    for expectation in expectations {
      let name = SafeText.escaped(expectation.rule, limitBytes: 256)
      guard let number = number(of: expectation.rule) else {
        console.error("There is no rule \(name).\n")
        hold = false
        continue
      }
      guard counts[number] != expectation.count else { continue }
      console.error("\(name) matched \(counts[number]) events, and \(expectation.count) were expected.\n")
      hold = false
    }
    return hold
  }

  /// Prints why each event matches these rules or does not; without names, why it matches those that it does.
  func explain(_ names: [String]) -> Int32 {
    var chosen: [Int] = []
    for name in names {
      guard let number = number(of: name) else {
        console.error("There is no rule \(SafeText.escaped(name, limitBytes: 256)).\n")
        return 1
      }
      chosen.append(number)
    }
    let isWhole = forEachEvent { event, run, number in
      let matches = run.matches
      console.out("event \(number): \(Self.title(event))\n")
      for number in chosen.isEmpty ? matches : chosen {
        let clauses = run.explain(number, event)
        let rule = rules.rules[number]
        let off = rule.isEnabled ? "" : ", switched off"
        let isMatch = rule.isEnabled ? matches.contains(number) : clauses.allSatisfy(\.isTrue)
        let verdict = isMatch ? "matches" : "does not match"
        console.out(
          "  rule \(SafeText.escaped(rule.name, limitBytes: 256)) (\(rule.priority.label)\(off)): \(verdict)\n")
        for clause in clauses { console.out(Self.lines(clause, depth: 2)) }
      }
      if chosen.isEmpty, matches.isEmpty { console.out("  no rule matches; --rule NAME says why\n") }
    }
    return isWhole ? 0 : 1
  }

  private func number(of name: String) -> Int? { rules.rules.firstIndex { $0.name == name } }

  /// `yes  ka.verb = create -> create`, parts below it.
  private static func lines(_ explanation: Explanation, depth: Int) -> String {
    var line = String(repeating: "  ", count: depth) + (explanation.isTrue ? "yes  " : "no   ") + explanation.clause
    if explanation.parts.isEmpty {
      line += " -> " + (explanation.values.isEmpty ? "missing" : explanation.values.joined(separator: ", "))
    }
    return line + "\n" + explanation.parts.map { lines($0, depth: depth + 1) }.joined()
  }

  /// What an event is, in few words.
  private static func title(_ event: borrowing AuditEvent) -> String {
    var words = [event.stage.label, "\(event.verb.label)"]
    let resource = event.resource.description
    let subresource = event.subresource.isEmpty ? "" : "/" + event.subresource.description
    words.append(resource.isEmpty ? event.requestURI.description : resource + subresource)
    if !event.name.isEmpty { words.append(event.name.description) }
    if !event.namespace.isEmpty { words.append("in " + event.namespace.description) }
    if !event.user.isEmpty { words.append("by " + event.user.description) }
    return SafeText.escaped(words.joined(separator: " "), limitBytes: 400)
  }

  /// Hands over each event of the files with its number; false when something could not be read, which is said.
  private func forEachEvent(_ body: @escaping (borrowing AuditEvent, inout RuleRun, Int) -> Void) -> Bool {
    var sink = TrialSink(RuleRun(rules), body)
    var isWhole = true
    for path in files {
      do throws(Failure) {
        var decoder = AuditDecoder()
        let before = (sink.events, sink.rejected)
        _ = decoder.decode(ByteBuffer(try FileText.read(path)), .lastOfStream, into: &sink)
        let rejected = sink.rejected - before.1
        guard sink.events == before.0 || rejected > 0 else { continue }
        isWhole = false
        let what = rejected > 0 ? "\(rejected) records could not be read" : "no audit event is in it"
        console.error(FailureReport.lines([Failure(.rules, what, at: .path(path), remedy: "")]))
      } catch {
        isWhole = false
        let remedy = "Give a file of audit events that this user can read; replay --rules takes large ones"
        console.error(FailureReport.lines([Failure(.rules, error.what, at: .path(path), remedy: remedy)]))
      }
    }
    return isWhole
  }
}

/// Where the decoder's reports land.
private struct TrialSink: ~Copyable, EventSink {
  private var run: RuleRun
  private let body: (borrowing AuditEvent, inout RuleRun, Int) -> Void
  private(set) var events = 0
  private(set) var rejected = 0

  init(_ run: consuming RuleRun, _ body: @escaping (borrowing AuditEvent, inout RuleRun, Int) -> Void) {
    self.run = run
    self.body = body
  }

  mutating func receive(_ event: borrowing AuditEvent) {
    events += 1
    run.evaluate(event)
    body(event, &run, events)
  }

  mutating func ignore(_ reason: IgnoreReason) {}

  mutating func reject(_ reason: RejectReason, at offset: Int) { rejected += 1 }
}
