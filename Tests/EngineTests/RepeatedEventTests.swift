import AuditEvents
import Diagnostics
import Metrics
import TestSupport
import Testing

@testable import Engine

private let minute: Microseconds = 60 * 1_000_000

/// AKS writes an event to two categories; elsewhere nothing is taken for repeated.
@Suite struct RepeatedEventTests {
  private func record(_ event: String, _ category: String = "kube-audit", cluster: String? = "AKS1") -> String {
    let resource = cluster.map { "\"resourceId\":\"/SUBSCRIPTIONS/S/PROVIDERS/M/MANAGEDCLUSTERS/\($0)\"," } ?? ""
    return "{\(resource)\"category\":\"\(category)\",\"properties\":{\"log\":\"\(AuditText.escaped(event))\"}}\n"
  }

  private var fields: EventFields { EventFields(serial: 1) }

  @Test func bothCategoriesCountOnceWhicheverInputTheyComeBy() {
    var bench = Workbench()
    bench.push(record(fields.ordered))
    bench.count(record(fields.ordered, "kube-audit-admin").utf8, .stream(id: 1), input: 0)
    // Other orders of fields, other wrappings of the record.
    bench.push("{\"records\":[" + record(fields.reordered, "KUBE-AUDIT-ADMIN") + "]}")
    #expect(bench.outcome(input: 2) == Outcome(counted: 1, duplicate: 1))
    #expect(bench.outcome(input: 0) == Outcome(duplicate: 1))
    #expect(bench.readings().sum(.requests) == 1)
  }

  @Test func everyFieldOfTheKeyTellsEventsApart() {
    var bench = Workbench()
    var variants = [fields]
    func vary(_ change: (inout EventFields) -> Void) {
      var other = fields
      change(&other)
      variants.append(other)
    }
    vary { $0.stage = "Panic" }
    vary { $0.user = "bob" }
    vary { $0.verb = "list" }
    vary { $0.code = 403 }
    vary { $0.resource = "secrets" }
    vary { $0.time -= 1_000 }
    variants.append(EventFields(serial: 2))
    for variant in variants { bench.push(record(variant.ordered)) }
    bench.push(record(fields.ordered, cluster: "AKS2"))
    #expect(bench.outcome(input: 2) == Outcome(counted: variants.count + 1))
    for variant in variants { bench.push(record(variant.ordered, "kube-audit-admin")) }
    #expect(bench.outcome(input: 2) == Outcome(counted: variants.count + 1, duplicate: variants.count))
  }

  @Test func theClusterOfAnInputTellsEventsApartToo() {
    var bench = Workbench()
    let text = record(fields.ordered, cluster: nil)
    bench.count(text.utf8, .stream(id: 1), input: 0, cluster: "east")
    bench.count(text.utf8, .stream(id: 2), input: 1, cluster: "west")
    #expect(bench.outcome(input: 0) == Outcome(counted: 1))
    #expect(bench.outcome(input: 1) == Outcome(counted: 1))
    bench.count(text.utf8, .stream(id: 2), input: 1, cluster: "east")
    #expect(bench.outcome(input: 1) == Outcome(counted: 1, duplicate: 1))
  }

  @Test func elsewhereNothingIsTakenForRepeated() {
    var bench = Workbench()
    for id in 1...5 { bench.count((fields.ordered + "\n").utf8, .stream(id: UInt64(id))) }
    #expect(bench.outcome(input: 0) == Outcome(counted: 5))
  }

  /// What a wrapping says is forgotten behind it, in the same bytes and in the next.
  @Test(arguments: [true, false]) func anEventAfterAWrappedOneIsItsOwn(inOneBatch: Bool) {
    var bench = Workbench()
    let plain = EventFields(serial: 7).ordered + "\n"
    let texts = [record(fields.ordered), plain, plain, record(EventFields(serial: 8).ordered), plain]
    for text in inOneBatch ? [texts.joined()] : texts { bench.count(text.utf8, .stream(id: 1)) }
    #expect(bench.outcome(input: 0) == Outcome(counted: 5))
    let page = bench.page()
    #expect(page.contains("kube_audit_requests_total{k8s_cluster=\"main\",verb=\"get\",code=\"200\"} 3\n"))
    #expect(page.contains("kube_audit_requests_total{k8s_cluster=\"AKS1\",verb=\"get\",code=\"200\"} 2\n"))
  }

  @Test func salvagedEventsAreNotJudged() {
    var bench = Workbench()
    let cut = fields.ordered.range(upTo: ",\"requestReceivedTimestamp\"")
    bench.push(record(cut))
    bench.push(record(cut, "kube-audit-admin"))
    #expect(bench.outcome(input: 2) == Outcome(counted: 2, salvaged: 2))
  }

  @Test func tenMinutesAreRememberedAtLeast() {
    var bench = Workbench()
    // Others all the time, so that generations change.
    for n in 0..<40 {
      bench.push(record(EventFields(serial: 100 + n).ordered))
      bench.arrival += minute
      guard n >= 10 else { continue }
      bench.push(record(EventFields(serial: 100 + n - 9).ordered, "kube-audit-admin"))
    }
    #expect(bench.outcome(input: 2) == Outcome(counted: 40, duplicate: 30))
    bench.arrival += 60 * minute
    for n in 200..<202 {
      bench.push(record(EventFields(serial: n).ordered))
      bench.arrival += 11 * minute
    }
    bench.push(record(EventFields(serial: 100).ordered))
    #expect(bench.outcome(input: 2) == Outcome(counted: 43, duplicate: 30))
  }

  /// Two generations are remembered, the younger whole; what left before its time is known.
  @Test func aFloodOfEventsStaysBounded() {
    var events = RepeatedEvents(key: Workbench.key, limit: 100)
    func isRepeated(_ n: Int, _ arrival: Microseconds = AuditText.now) -> Bool {
      var event = AuditEvent()
      event.origin = .aks
      event.time = Int64(n)
      return events.contains(event, cluster: "main", arrival: arrival)
    }
    #expect((0..<100).allSatisfy { !isRepeated($0) })
    #expect((0..<100).allSatisfy { isRepeated($0) })
    #expect((100..<200).allSatisfy { !isRepeated($0) })
    #expect((0..<200).allSatisfy { isRepeated($0) })
    #expect(events.digests.evictedEarly == 0)
    #expect(!isRepeated(200))
    #expect(events.digests.evictedEarly == 100)
    #expect((100...200).allSatisfy { isRepeated($0) })
    // Old generations leave without being evicted.
    #expect(!isRepeated(300, AuditText.now + 11 * minute))
    #expect(events.digests.evictedEarly == 100)
  }
}
