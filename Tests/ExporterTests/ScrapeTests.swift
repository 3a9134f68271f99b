import Compression
import Concurrency
import Diagnostics
import Engine
import Glibc
import Inputs
import Metrics
import State
import TestSupport
import Testing
import Transport

@testable import Exporter

/// An engine that answers when it is told to.
private final class FakeEngine: Sendable {
  private let asked = Monitor<[@Sendable (Readings) -> Void]>([])
  /// Answers at once with the number of the reading.
  let answersAtOnce = Lock(true)
  let readingsCount = Lock(0)
  let completions = Lock(0)

  var read: ScrapeCoordinator.Read {
    { [self] reply in
      readingsCount.withLock { $0 += 1 }
      if answersAtOnce.withLock({ $0 }) { reply(readings) } else { asked.update { $0.append(reply) } }
    }
  }

  var readNow: ScrapeCoordinator.Read {
    { reply in
      var readings = Readings()
      readings[.requests].append([(.cluster, "a"), (.verb, "get"), (.code, "200")], 1_000)
      readings[.clusterExpected].append([(.cluster, "now")], 1)
      reply(readings)
    }
  }

  var complete: ScrapeCoordinator.Complete {
    { [self] readings in
      var all = readings
      all[.queueBytes] = SampleSet(
        Double(
          completions.withLock { count in
            count += 1
            return count
          }))
      return all
    }
  }

  var pending: Int { asked.withLock { $0.count } }

  func answerPending() {
    let all = asked.update { asked in
      defer { asked = [] }
      return asked
    }
    for reply in all { reply(readings) }
  }

  private var readings: Readings {
    var readings = Readings()
    readings[.requests].append(
      [(.cluster, "a"), (.verb, "get\"\n\\"), (.code, "200")], Double(readingsCount.withLock { $0 }))
    return readings
  }

  func server(_ change: (inout ScrapeCoordinator.Options, inout WebRoutes) -> Void = { _, _ in }) throws -> HTTPServer {
    var options = ScrapeCoordinator.Options()
    var routes = WebRoutes(
      scrapes: ScrapeCoordinator(read: read, readNow: readNow, complete: complete),
      views: ScrapeCoordinator(read: read, readNow: readNow, complete: complete), readiness: Readiness(),
      page: { _ in Page.render(PageSamples.busy) })
    change(&options, &routes)
    routes.scrapes = ScrapeCoordinator(options: options, read: read, readNow: readNow, complete: complete)
    return try HTTPServer.local(routes.all)
  }
}

/// The value of the only series of `requests_total` on a page.
private func requests(_ page: String) -> String? {
  page.split(separator: "\n").first { $0.hasPrefix("kube_audit_requests_total{") }?.split(separator: " ").last.map {
    String($0)
  }
}

@Suite struct ScrapeTests {
  @Test func formatsAndEncodings() throws {
    let engine = FakeEngine()
    // However long all of this takes.
    let server = try engine.server { options, _ in options.shareMilliseconds = 600_000 }
    defer { server.stop(graceMilliseconds: 100) }
    let text = try curl(server.port, "/metrics")
    #expect(text.status == 200 && text.header("content-type") == "text/plain; version=0.0.4; charset=utf-8")
    #expect(text.header("vary") == "Accept, Accept-Encoding")
    #expect(text.header("content-encoding") == nil)
    #expect(requests(text.text) == "1")
    let check = try Process.run(["promtool", "check", "metrics"], input: text.body)
    #expect(check.status == 0, "promtool (Debian package prometheus): \(check.errorText)")
    let accept = ["-H", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5"]
    let open = try curl(server.port, "/metrics", accept)
    #expect(open.header("content-type") == "application/openmetrics-text; version=1.0.0; charset=utf-8")
    #expect(open.text.hasSuffix("# EOF\n"))
    for (arguments, plain) in [(accept, open), ([], text)] {
      let zipped = try curl(server.port, "/metrics", arguments + ["-H", "Accept-Encoding: gzip"])
      #expect(zipped.header("content-encoding") == "gzip")
      #expect(try Gzip.decompress(zipped.body, limit: 1 << 20) == plain.body)
    }
    let head = try curl(server.port, "/metrics", ["-I"])
    #expect(head.status == 200 && head.header("content-length") == "\(text.body.count)")
    #expect(engine.readingsCount.withLock { $0 } == 1, "all of one reading")
    #expect(engine.completions.withLock { $0 } == 1)
  }

  @Test func concurrentScrapesShareOneReading() throws {
    let engine = FakeEngine()
    engine.answersAtOnce.withLock { $0 = false }
    let server = try engine.server { options, _ in
      (options.waitMilliseconds, options.shareMilliseconds) = (600_000, 600_000)
    }
    defer { server.stop(graceMilliseconds: 100) }
    let clients = try (0..<30).map { _ in
      let client = try RawConnection(port: server.port)
      client.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      return client
    }
    #expect(eventually { server.activeRequests == 30 })
    #expect(engine.pending == 1)
    engine.answerPending()
    #expect(Set(clients.map { $0.read().split(separator: "\r\n\r\n").last }).count == 1)
    #expect(engine.readingsCount.withLock { $0 } == 1)
  }

  @Test func aNewReadingAfterItsTime() throws {
    let engine = FakeEngine()
    let server = try engine.server { options, _ in options.shareMilliseconds = 50 }
    defer { server.stop(graceMilliseconds: 100) }
    #expect(try requests(curl(server.port, "/metrics").text) == "1")
    #expect(eventually { (try? requests(curl(server.port, "/metrics").text)) == "2" })
  }

  /// Pages are megabytes: what nobody can share any more is let go without waiting for the next scrape.
  @Test func whatWasShownIsLetGo() throws {
    final class Seen: Sendable {
      struct Weak { weak var snapshot: Snapshot? }
      let snapshot = Lock(Weak())
      let wasThere = Lock(false)
    }
    let engine = FakeEngine()
    var options = ScrapeCoordinator.Options()
    options.shareMilliseconds = 50
    let scrapes = ScrapeCoordinator(
      options: options, read: engine.read, readNow: engine.readNow, complete: engine.complete)
    let seen = Seen()
    let server = try HTTPServer.local([
      Route("/show") { _, responder in
        scrapes.answer(responder) { snapshot in
          seen.snapshot.withLock { $0.snapshot = snapshot }
          seen.wasThere.withLock { $0 = true }
          return .text(200, "shown")
        }
      }
    ])
    defer { server.stop(graceMilliseconds: 100) }
    #expect(try curl(server.port, "/show").status == 200)
    #expect(seen.wasThere.withLock { $0 })
    #expect(eventually { seen.snapshot.withLock { $0.snapshot } == nil })
  }

  @Test func aStuckEngineStopsNoScrape() throws {
    let engine = FakeEngine()
    engine.answersAtOnce.withLock { $0 = false }
    let server = try engine.server { options, _ in
      options.shareMilliseconds = 0
      options.waitMilliseconds = 100
    }
    defer { server.stop(graceMilliseconds: 100) }
    let first = try curl(server.port, "/metrics")
    #expect(first.status == 503 && first.header("retry-after") == "1", "there never was a reading")
    engine.answerPending()
    // The reading that came too late is shown to the next, live values as they are by then.
    let second = try curl(server.port, "/metrics")
    #expect(requests(second.text) == "1")
    for _ in 0..<3 {
      let page = try curl(server.port, "/metrics").text
      #expect(requests(page) == "1", "counters are those of the last reading")
      #expect(page.contains("kube_audit_cluster_expected{k8s_cluster=\"now\"} 1\n"), "gauges are those of now")
    }
    #expect(engine.pending == 1, "a stuck engine is asked once")
    #expect(engine.completions.withLock { $0 } > 1, "everything else is as it is now")
    engine.answersAtOnce.withLock { $0 = true }
    engine.answerPending()
    let after = try curl(server.port, "/metrics")
    #expect(requests(after.text) == "3")
  }

  @Test func whoPreparedIsNeverWithoutAReading() throws {
    let engine = FakeEngine()
    let scrapes = ScrapeCoordinator(
      options: .init(waitMilliseconds: 50), read: engine.read, readNow: engine.readNow, complete: engine.complete)
    engine.answersAtOnce.withLock { $0 = false }
    #expect(!scrapes.prepare(waitingMilliseconds: 20), "an engine that does not answer")
    engine.answersAtOnce.withLock { $0 = true }
    #expect(scrapes.prepare(waitingMilliseconds: 10_000))
    engine.answersAtOnce.withLock { $0 = false }
    var routes = WebRoutes(scrapes: scrapes, views: scrapes, readiness: Readiness(), page: { _ in [] })
    routes.telemetryPath = "/m"
    let server = try HTTPServer.local(routes.all)
    defer { server.stop(graceMilliseconds: 100) }
    let first = try curl(server.port, "/m")
    #expect(first.status == 200 && requests(first.text) == "2", "the engine is busy, and there is a reading")
  }

  @Test func tooManyAtOnceAreRefused() throws {
    let engine = FakeEngine()
    engine.answersAtOnce.withLock { $0 = false }
    let server = try engine.server { options, _ in
      options.waitMilliseconds = 600_000
      options.waitingLimit = 5
    }
    defer { server.stop(graceMilliseconds: 100) }
    let clients = try (0..<5).map { _ in
      let client = try RawConnection(port: server.port)
      client.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      return client
    }
    #expect(eventually { server.activeRequests == 5 })
    #expect(try curl(server.port, "/metrics").status == 503)
    #expect(try curl(server.port, "/-/healthy").status == 200)
    engine.answerPending()
    for client in clients { #expect(client.read().hasPrefix("HTTP/1.1 200")) }
    #expect(try curl(server.port, "/metrics").status == 200)
  }

  @Test func thePageComesWithItsPolicy() throws {
    let server = try FakeEngine().server()
    defer { server.stop(graceMilliseconds: 100) }
    let page = try curl(server.port, "/")
    #expect(page.status == 200 && page.header("content-type") == "text/html; charset=utf-8")
    #expect(page.body == Page.render(PageSamples.busy))
    #expect(page.header("content-security-policy")?.contains("default-src 'none'") == true)
    #expect(page.header("x-frame-options") == "DENY" && page.header("referrer-policy") == "no-referrer")
    #expect(page.header("cache-control") == "no-store")
    let zipped = try curl(server.port, "/", ["-H", "Accept-Encoding: gzip"])
    #expect(try Gzip.decompress(zipped.body, limit: 1 << 20) == page.body)
  }

  @Test func healthReadinessAndReload() throws {
    let readiness = Readiness()
    let outcome = Lock<String?>(nil)
    let off = try FakeEngine().server { _, routes in routes.readiness = readiness }
    let on = try FakeEngine().server { _, routes in
      routes.reload = { done in done(outcome.withLock { $0 }) }
      routes.telemetryPath = "/"
    }
    defer {
      off.stop(graceMilliseconds: 100)
      on.stop(graceMilliseconds: 100)
    }
    #expect(try curl(off.port, "/-/healthy").status == 200)
    #expect(try curl(off.port, "/-/healthy", ["-I"]).status == 200)
    let starting = try curl(off.port, "/-/ready")
    #expect(starting.status == 503 && starting.text == "Starting.\n")
    readiness.obstacle = nil
    #expect(try curl(off.port, "/-/ready").status == 200)
    readiness.obstacle = "Stopping."
    #expect(try curl(off.port, "/-/ready", ["-I"]).status == 503)
    #expect(try curl(off.port, "/-/reload", ["-X", "POST"]).status == 403)
    #expect(try curl(off.port, "/-/reload", ["-X", "POST"]).text.contains("--web.enable-lifecycle"))
    #expect(try curl(on.port, "/-/reload").status == 405)
    for method in ["POST", "PUT"] { #expect(try curl(on.port, "/-/reload", ["-X", method]).status == 200) }
    outcome.withLock { $0 = "line 3: unknown key" }
    let bad = try curl(on.port, "/-/reload", ["-X", "POST"])
    #expect(bad.status == 500 && bad.text.contains("line 3: unknown key"))
    #expect(try curl(on.port, "/").text.hasPrefix("# HELP"), "the telemetry path takes the page's place")
  }

  @Test func linksBehindAProxy() {
    var web = Settings.Web()
    #expect(web.prefix == "" && web.linkPrefix == "")
    web.externalURL = "https://example.org:8443/a/b"
    #expect(web.prefix == "/a/b" && web.linkPrefix == "/a/b")
    web.routePrefix = ""
    #expect(web.prefix == "" && web.linkPrefix == "/a/b", "the proxy strips the path")
    web.externalURL = ""
    web.routePrefix = "/x"
    #expect(web.prefix == "/x" && web.linkPrefix == "/x")
  }

  @Test func selfMetricsAreWhole() throws {
    let input = InputStatus(name: "webhook")
    input.update {
      $0.isUp = true
      $0.lastSuccess = 5_500_000
      $0.errors = [Failure.Reason("b"): 2, Failure.Reason("a"): 1]
      $0.pushAnswers = [503: 4, 200: 9]
    }
    let queue = BatchQueue(limitBytes: 1_000)
    #expect(queue.reserve(300))
    let http = HTTPCounters()
    http.count("/metrics", 200)
    let reloads = ReloadStatus(loadedAt: 3_000_000)
    let state = StateMetrics(store: try StateStore(.memory), commits: CommitStatus())
    let metrics = SelfMetrics(
      inputs: [input], calls: CallCounts(), queue: queue, state: state, http: http, reloads: reloads)
    let page = String(decoding: Exposition.render(metrics.complete(Readings()), as: .text), as: UTF8.self)
    for line in [
      "kube_audit_input_up{input=\"webhook\"} 1",
      "kube_audit_input_last_success_timestamp_seconds{input=\"webhook\"} 5.5",
      "kube_audit_input_errors_total{input=\"webhook\",reason=\"a\"} 1",
      "kube_audit_push_requests_total{input=\"webhook\",code=\"503\"} 4",
      "kube_audit_queue_bytes 300",
      "kube_audit_queue_limit_bytes 1000", "kube_audit_state_durable 0",
      "kube_audit_state_commit_duration_seconds_count 0", "kube_audit_state_commit_errors_total 0",
      "kube_audit_http_requests_total{handler=\"/metrics\",code=\"200\"} 1",
      "kube_audit_exporter_config_last_reload_successful 1",
      "kube_audit_exporter_config_last_reload_success_timestamp_seconds 3",
    ] {
      #expect(page.contains(line + "\n"), "\(line)")
    }
    #expect(page.contains("kube_audit_exporter_build_info{version=\"\(Version.version)\",revision="))
    let check = try Process.run(["promtool", "check", "metrics"], input: Array(page.utf8))
    #expect(check.status == 0, "promtool (Debian package prometheus): \(check.errorText)")
    reloads.failed()
    #expect(metrics.complete(Readings())[.configReloadSuccessful].rows.map(\.value) == [0])
    #expect(metrics.complete(Readings())[.configReloadSuccess].rows.map(\.value) == [3])
  }

  @Test func theProcessIsSeenAsItIs() throws {
    let before = ProcessStatistics.now()
    let block = UnsafeMutableRawPointer.allocate(byteCount: 64 << 20, alignment: 4_096)
    unsafe memset(block, 1, 64 << 20)
    let opened = (0..<50).map { _ in unsafe open("/dev/null", O_RDONLY | O_CLOEXEC) }
    let during = ProcessStatistics.now()
    for descriptor in opened { close(descriptor) }
    unsafe block.deallocate()
    // No less than what is surely there, no more than the most that ever was. Not what was there before and this: other
    // tests allocate and free as much meanwhile.
    let status = String(decoding: try Files.read("/proc/self/status"), as: UTF8.self)
    let most = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }?.split(separator: " ").dropLast().last
    let mostBytes = try #require(most.flatMap { Double($0) }) * 1_024
    let slack = 16.0 * 1_048_576
    #expect(try #require(during.residentBytes) > 60 * 1_048_576)
    #expect(try #require(during.residentBytes) < mostBytes + slack)
    // Other tests open and close connections meanwhile.
    #expect(try #require(during.openFDs) > 50 && #require(during.openFDs) <= #require(during.maxFDs))
    #expect(try #require(during.virtualBytes) > #require(during.residentBytes))
    #expect(try #require(during.cpuSeconds) >= #require(before.cpuSeconds))
    let age = Double(Clock.system.now) / 1e6 - (try #require(during.startTimeSeconds))
    #expect(age > -2 && age < 3_600, "\(age)")
  }
}
