import TestSupport
import Testing

/// What scrapers get, and in which form.
@Suite struct ServingTests {
  static let openMetricsType = "application/openmetrics-text"

  private static func start(_ arguments: [String] = []) throws -> Exporter {
    let log = try GeneratedLog.shared.get()
    let exporter = try Exporter(["--input.stdin"] + arguments, input: .bytes(log.bytes))
    try exporter.page(received: log.lines.count)
    return exporter
  }

  @Test func theFormatIsNegotiated() throws {
    let exporter = try Exporter(["--input.stdin"])
    let rows: [(accept: String?, isOpenMetrics: Bool)] = [
      (nil, false), ("*/*", false), ("text/plain", false), ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", false),
      ("application/openmetrics-text;version=1.0.0", true), ("application/openmetrics-text", true),
      (
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
          + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true
      ),
      (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;"
          + "version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2", true
      ),
      ("application/openmetrics-text;version=1.0.0;q=0,text/plain", false), ("image/png", false), (";;,q=", false),
    ]
    for row in rows {
      let answer = try curl(exporter.url + "/metrics", ["-H", row.accept.map { "Accept: \($0)" } ?? "Accept:"])
      #expect(answer.status == 200, "\(row)")
      let type = answer.headers["content-type"] ?? ""
      #expect(type.hasPrefix(row.isOpenMetrics ? Self.openMetricsType : "text/plain; version=0.0.4"), "\(row): \(type)")
      #expect(answer.text.hasSuffix("# EOF\n") == row.isOpenMetrics, "\(row)")
    }
  }

  @Test func bothFormatsAreReadByTheirOwnParsers() throws {
    let exporter = try Self.start()
    let text = try curl(exporter.url + "/metrics", ["-H", "Accept: text/plain"])
    let promtool = try Program.tool("promtool", package: "prometheus")
    let check = try Process.run([promtool, "check", "metrics"], input: text.body)
    #expect(check.status == 0 && check.errors.isEmpty, "\(check.errorText)")
    let openMetrics = try curl(exporter.url + "/metrics", ["-H", "Accept: \(Self.openMetricsType);version=1.0.0"])
    let read = try [("text", text), ("openmetrics", openMetrics)].map { format, answer in
      try JSON.parse(Program.python("parse_exposition.py", [format], input: answer.body)).array ?? []
    }
    let series = read.map { Set($0.compactMap(\.string)) }
    #expect(read[0].count == series[0].count, "a series is there twice")
    #expect(series[0].count > 200)
    #expect(series[0] == series[1])
    let own = try Page(text.text)
    #expect(own.samples.count == series[0].count)
  }

  @Test func compressionIsAnOffer() throws {
    let exporter = try Self.start()
    let plain = try curl(exporter.url + "/metrics", ["-H", "Accept-Encoding: identity"])
    #expect(plain.headers["content-encoding"] == nil)
    let packed = try curl(exporter.url + "/metrics", ["-H", "Accept-Encoding: gzip"])
    #expect(packed.headers["content-encoding"] == "gzip")
    #expect(packed.body.count * 4 < plain.body.count)
    let unpacked = try Process.run(["gzip", "-dc"], input: packed.body)
    #expect(unpacked.status == 0)
    let families = { (text: String) in text.split(separator: "\n").filter { $0.hasPrefix("# TYPE") } }
    #expect(families(unpacked.outputText) == families(plain.text))
    let refused = try curl(exporter.url + "/metrics", ["-H", "Accept-Encoding: gzip;q=0, identity"])
    #expect(refused.headers["content-encoding"] == nil)
  }

  @Test func headsHaveNoBody() throws {
    let exporter = try Exporter(["--input.stdin"])
    for path in ["/metrics", "/", "/-/healthy", "/-/ready"] {
      let get = try exporter.look(at: path)
      let head = try curl(exporter.url + path, ["--head", "-o", "/dev/null"])
      #expect(get.status == 200 && head.status == 200, "\(path)")
      #expect(head.headers["content-type"] == get.headers["content-type"], "\(path)")
      #expect((head.headers["content-length"].flatMap { Int($0) } ?? 0) > 0, "\(path)")
      #expect(get.body.isEmpty == false, "\(path)")
    }
    #expect(try curl(exporter.url + "/nothing").status == 404)
    #expect(try curl(exporter.url + "/metrics", ["-X", "DELETE"]).status == 405)
  }

  @Test func pathsAreWhereTheyAreWanted() throws {
    let moved = try Exporter(["--input.stdin", "--web.telemetry-path", "/prometheus"])
    #expect(try curl(moved.url + "/prometheus").text.contains("kube_audit_requests"))
    #expect(try curl(moved.url + "/metrics").status == 404)
    #expect(try moved.look().text.contains("/prometheus"))
    // Behind a proxy that keeps the path.
    let behind = try Exporter(["--input.stdin", "--web.external-url", "https://example.org/audit"], prefix: "/audit")
    #expect(try curl(behind.url + "/audit/metrics").status == 200)
    #expect(try curl(behind.url + "/metrics").status == 404)
    #expect(try curl(behind.url + "/").headers["location"]?.hasSuffix("/audit/") == true)
    #expect(try behind.look(at: "/audit/").text.contains("\"/audit/metrics\""))
  }

  @Test func logLinesAreWhatTheyShouldBe() throws {
    let exporter = try Exporter(["--input.stdin", "--log.format", "json", "--log.level", "debug"])
    let lines = try exporter.process.errorText.split(separator: "\n").map { try JSON.parse(Array($0.utf8)) }
    for line in lines {
      for key in ["ts", "level", "msg"] { #expect(line[key]?.string?.isEmpty == false, "\(line)") }
    }
    #expect(
      lines.contains { $0["msg"]?.string == "listening" && $0["address"]?.string == "127.0.0.1:\(exporter.port)" })
  }

  /// More refused users than a cluster may have series of: the page stays bounded, the sum exact.
  @Test func aFloodOfNamesIsBounded() throws {
    let log = (0..<8_000).flatMap { number in
      Event(user: "u\(number)", sourceIP: "10.1.\(number / 250).\(number % 250)", code: 403, number: number).line
    }
    let exporter = try Exporter(["--input.stdin"], input: .bytes(log))
    let page = try exporter.page(received: 8_000)
    let denied = "kube_audit_denied_requests_total"
    let limit = Int(page.value("kube_audit_series_limit", ["family": denied]) ?? 0)
    #expect(limit == 5_000)
    #expect(page.sum(denied) == 8_000)
    #expect((limit...limit + 1).contains(page.samples(denied).count))
    #expect(page.sum("kube_audit_series_overflow_total", ["family": denied]) == 8_000 - limit)
    #expect(page.sum(denied, ["user": "(other)", "source_ip": "(other)"]) == 8_000 - limit)
  }

  @Test func theExporterTellsOfItself() throws {
    let exporter = try Exporter(["--input.stdin"])
    for _ in 0..<3 { _ = try curl(exporter.url + "/nothing") }
    let page = try exporter.page("its own requests") { $0.sum("kube_audit_http_requests_total", ["code": "404"]) == 3 }
    #expect(page.value("kube_audit_exporter_build_info") == 1)
    #expect((page.value("process_resident_memory_bytes") ?? 0) > 1e6)
    #expect((page.value("process_open_fds") ?? 0) > 3)
    #expect((page.value("process_cpu_seconds_total") ?? 0) > 0)
    #expect((page.value("process_start_time_seconds") ?? 0) > 1.7e9)
    #expect(page.value("kube_audit_exporter_config_last_reload_successful") == 1)
    let handlers = Set(page.samples("kube_audit_http_requests_total").compactMap { $0.labels["handler"] })
    #expect(handlers.contains("/metrics") && !handlers.contains("/nothing"), "\(handlers)")
  }

  @Test func theVersionIsTold() throws {
    let outcome = try Program.run(["--version"])
    #expect(outcome.status == 0)
    let lines = outcome.outputText.split(separator: "\n")
    #expect(lines.first?.hasPrefix("kube-audit-exporter, version ") == true, "\(outcome.outputText)")
    for label in ["build user:", "build date:", "swift version:", "platform:"] {
      #expect(lines.dropFirst().contains { $0.hasPrefix("  \(label)") }, "\(label)")
    }
    let help = try Program.run(["--help"])
    #expect(help.status == 0 && help.outputText.contains("replay"))
    #expect(try Program.run(["--no-such-flag"]).status != 0)
  }
}
