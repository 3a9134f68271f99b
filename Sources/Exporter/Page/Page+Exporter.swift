internal import Inputs
internal import Metrics

/// What is being read, and how the exporter is.
extension Page {
  static func inputs(_ model: PageModel, _ figures: PageFigures) -> HTML {
    let all = model.inputs.map { input -> HTML in
      let status = input.status
      let pill: HTML =
        status.isUp ? "<span class=\"pill good\">up</span>" : "<span class=\"pill page\">down</span>"
      let errors = status.errors.values.reduce(0, +)
      var facts = [status.lastSuccess.map { "last success \(PageFormat.ago($0, now: model.now))" } ?? "no success yet"]
      if errors > 0 { facts.append("\(PageFormat.count(Double(errors))) errors") }
      let lost = figures.sum(.sourceGapBytes, input: input.name)
      if lost > 0 { facts.append("\(PageFormat.bytes(lost)) lost at the source") }
      for (code, count) in status.pushAnswers.sorted(by: { $0.key < $1.key }) where count > 0 {
        facts.append("HTTP \(code): \(PageFormat.count(Double(count)))")
      }
      return """
        <h3>\(input.name) \(pill) <span class="soft">\(facts.joined(separator: " · "))</span></h3>\
        <table><tbody>\(HTML(status.sources.prefix(sourcesLimit).map(source)))</tbody></table>\
        \(more(status.sources.count - sourcesLimit, "sources"))
        """
    }
    let none: HTML = "<p class=\"soft\">No input is configured.</p>"
    return section("inputs", "What is being read", all.isEmpty ? none : HTML(all))
  }

  private static func source(_ source: InputStatus.Source) -> HTML {
    let read = PageFormat.bytes(Double(source.readBytes))
    guard let total = source.totalBytes else {
      return "<tr><th scope=\"row\">\(value(source.name))</th><td class=\"n\">\(read)</td></tr>"
    }
    let share = total == 0 ? 1 : min(1, Double(source.readBytes) / Double(total))
    return """
      <tr><th scope="row">\(value(source.name))\(bar(share))</th>\
      <td class="n">\(read)<br><span class="soft">of \(PageFormat.bytes(Double(total)))</span></td></tr>
      """
  }

  static func health(_ figures: PageFigures) -> HTML {
    func row(_ name: String, _ text: String, isAlarm: Bool = false, _ extra: HTML = "") -> HTML {
      let mark: HTML = isAlarm ? " alarm" : ""
      return "<tr><th scope=\"row\">\(name)\(extra)</th><td class=\"n\(mark)\">\(text)</td></tr>"
    }
    func total(_ name: String, _ family: FamilyID, isTrouble: Bool = false) -> HTML {
      let sum = figures.sum(family)
      return row(name, PageFormat.count(sum), isAlarm: isTrouble && sum > 0)
    }
    let limit = figures.sum(.queueLimitBytes)
    let share = limit > 0 ? min(1, figures.sum(.queueBytes) / limit) : 0
    let queue = row(
      "Queue", "\(PageFormat.percent(share)) of \(PageFormat.bytes(limit))", isAlarm: share > 0.8, bar(share))
    let full = figures.fullest.map { fullest in
      let extra: HTML = "<br><span class=\"soft\">\(fullest.family)</span>\(bar(fullest.share))"
      return row("Fullest family", PageFormat.percent(fullest.share), isAlarm: fullest.share > 0.8, extra)
    }
    return section(
      "health", "The exporter", note: "since its start",
      HTML([
        "<table><tbody>", queue, full ?? "",
        total("Events received", .eventsReceived), total("Counted as requests", .eventsCounted),
        total("Other stages of a request", .eventsNotARequest), total("Duplicates", .eventsDuplicate),
        total("Ignored, no audit events", .eventsIgnored),
        total("Rejected, unreadable", .eventsRejected, isTrouble: true),
        total("Dropped at a limit", .eventsDropped, isTrouble: true),
        total("Too late for every window", .eventsLate),
        total("Counted under (other)", .seriesOverflow, isTrouble: true), "</tbody></table>",
      ]))
  }
}
