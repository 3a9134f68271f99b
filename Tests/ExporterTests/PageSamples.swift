import Diagnostics
import Inputs
import Metrics

@testable import Exporter

/// Models of the page that look like life.
enum PageSamples {
  static let now = PageStory.now

  static let empty = PageModel(
    readings: Readings(), inputs: [], version: "0.1.0", startedAt: now, now: now, linkPrefix: "",
    telemetryPath: "/metrics", obstacle: nil)

  static var busy: PageModel {
    var model = empty
    model.startedAt = now - 3 * 86_400_000_000 - 7_500_000_000
    model.projectURL = "https://example.org/project"
    model.inputs = inputs
    model.readings = story
    totals(&model.readings)
    return model
  }

  private static let story = PageStory.busy()

  private static var inputs: [PageModel.Input] {
    var file = InputStatus.Snapshot()
    file.isUp = true
    file.lastSuccess = now - 400_000
    file.sources = [
      .init(name: "/var/log/kubernetes/audit/audit.log", readBytes: 812_345_678, totalBytes: 812_400_000),
      .init(
        name: "/var/log/kubernetes/audit/audit-2026-03-01T03-00-00.123.log", readBytes: 30 << 20, totalBytes: 100 << 20),
    ]
    var webhook = InputStatus.Snapshot()
    webhook.isUp = true
    webhook.lastSuccess = now - 2_000_000
    webhook.pushAnswers = [200: 18_233, 503: 12]
    webhook.sources = [.init(name: "POST /webhook/prod-us", readBytes: 9_876_543_210, totalBytes: nil)]
    var broken = InputStatus.Snapshot()
    broken.errors = [Failure.Reason("unreadable"): 31]
    return [
      .init(name: "file", status: file), .init(name: "webhook", status: webhook), .init(name: "stdin", status: broken),
    ]
  }

  private static func totals(_ readings: inout Readings) {
    let label = (Label.input, "file")
    readings[.eventsLate].append([label], 1_200)
    readings[.eventsIgnored].append([label, (.reason, "other_text")], 25)
    readings[.eventsRejected].append([label, (.reason, "malformed")], 12)
    readings[.sourceGapBytes].append([(.input, "stdin")], 40_000)
    readings[.queueBytes] = SampleSet(3_400_000)
    readings[.queueLimitBytes] = SampleSet(Double(16 << 20))
    let inputUp = [("file", 1.0), ("webhook", 1), ("stdin", 0)]
    for (name, value) in inputUp { readings[.inputUp].append([(.input, name)], value) }
    readings[.configReloadSuccessful] = SampleSet(1)
  }
}
