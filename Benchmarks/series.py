#!/usr/bin/env python3
"""Measures the exporter at many series: resident memory, how long a scrape takes, and how long it stops counting.

  series.py                       26,000 series of refused requests over six clusters
  series.py --series 5000 --json result.json

It writes a log for each cluster, starts the exporter on them, waits until all is counted, checks the exposition (every
series there, none merged, the sum exact), then scrapes in each format. No source IP and no user holds more series than
its share, and no cluster more than its limit; the limit over all clusters is raised where the number asks for it.
It fails when memory or the pause is above its limit.
"""
import argparse
import collections
import datetime
import gzip
import http.client
import itertools
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import exposition
import programs
import workload

PER_CLUSTER = 4500          # of the 5,000 that one cluster may hold
IPS_PER_USER = 10           # and, by construction, users per source IP
LIMIT_IN_ALL = 25_000       # the default of limits.denied.series
SPAN_SECONDS = 50 * 60      # event times reach back this far, so that the windows are as full as the totals
COUNT_SECONDS_LIMIT = 120
SETTLED_SECONDS = 0.5

ACCEPT_TEXT = "text/plain;version=0.0.4"
ACCEPT_OPENMETRICS = "application/openmetrics-text;version=1.0.0"
FORMATS = {
    "text": {"Accept": ACCEPT_TEXT},
    "text, gzip": {"Accept": ACCEPT_TEXT, "Accept-Encoding": "gzip"},
    "OpenMetrics": {"Accept": ACCEPT_OPENMETRICS},
    "OpenMetrics, gzip": {"Accept": ACCEPT_OPENMETRICS, "Accept-Encoding": "gzip"},
}

EVENT = (
    '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"%(id)s","stage":"ResponseComplete",'
    '"requestURI":"/api/v1/namespaces/prod/secrets/token-%(n)d","verb":"get","user":{"username":"%(user)s","groups":'
    '["oidc:engineering","system:authenticated"]},"sourceIPs":["%(ip)s"],"userAgent":"kubectl/v1.31.4 (linux/amd64)",'
    '"objectRef":{"resource":"secrets","namespace":"prod","name":"token-%(n)d","apiVersion":"v1"},"responseStatus":'
    '{"metadata":{},"status":"Failure","message":"secrets is forbidden","reason":"Forbidden","code":403},'
    '"requestReceivedTimestamp":"%(time)s","stageTimestamp":"%(time)s","annotations":'
    '{"authorization.k8s.io/decision":"forbid","authorization.k8s.io/reason":""}}\n')


def pairs(count):
    """`count` different (user, source IP): user i comes from IPs i, i + 1, ... and so each IP has as many users."""
    users = max(IPS_PER_USER, -(-count // IPS_PER_USER))
    return [(n // IPS_PER_USER, (n // IPS_PER_USER + n % IPS_PER_USER) % users) for n in range(count)]


def events_of(cluster, count, rounds, end):
    """Each series once a round, in the order of time, the last event at `end`: lines."""
    events = count * rounds
    n = 0
    for _ in range(rounds):
        for user, ip in pairs(count):
            n += 1
            at = end - datetime.timedelta(seconds=SPAN_SECONDS * (1 - n / events))
            yield EVENT % {
                "id": "%08x-0000-4000-8000-%012x" % (cluster, n), "n": n % 100,
                "user": "user%05d@corp.example" % user, "ip": "10.%d.%d.%d" % (cluster, ip >> 8, ip & 255),
                "time": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


def write_archive(path, options, end):
    """The events of all clusters in one file, in the order of time: each in a record of a log group, which names its
    cluster."""
    clusters = clusters_of(options.series)
    logs = [events_of(cluster, count, options.rounds, end) for cluster, count in enumerate(clusters)]
    with open(path, "w", encoding="utf-8") as out:
        for row in itertools.zip_longest(*logs):
            for cluster, line in enumerate(row):
                if line:
                    out.write(json.dumps({
                        "messageType": "DATA_MESSAGE", "owner": "123456789012",
                        "logGroup": "/aws/eks/bench-%d/cluster" % cluster,
                        "logStream": "kube-apiserver-audit-0123456789abcdef", "subscriptionFilters": ["audit"],
                        "logEvents": [{"id": "1", "timestamp": 0, "message": line.rstrip()}]}) + "\n")


def clusters_of(series):
    """How many series each cluster gets."""
    clusters = -(-series // PER_CLUSTER)
    return [series // clusters + (cluster < series % clusters) for cluster in range(clusters)]


class Exporter:
    """The exporter, serving on a port of its own choosing of the loopback interface."""

    def __init__(self, program, configuration, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = open(folder / "exporter.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [str(program), "serve", "--config.file", str(configuration),
             "--web.listen-address", "127.0.0.1:%d" % self.port],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=folder, env=workload.clean_environment())

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def fail(self, what):
        self.log.flush()
        self.log.seek(0)
        said = self.log.read()[-2000:]
        self.stop()
        workload.fail("%s. It logged:\n%s" % (what, said), 1)

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self):
        """Resident now, and at most so far."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            sizes = dict(line.split(":", 1) for line in file)
        return tuple(int(sizes[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))

    def scrape(self, headers):
        """Seconds until the last byte, the body as sent, and the text in it."""
        start = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/metrics", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - start
        connection.close()
        if answer.status != 200:
            self.fail("a scrape was answered %d" % answer.status)
        zipped = answer.headers.get("Content-Encoding") == "gzip"
        if zipped != ("Accept-Encoding" in headers):
            self.fail("asked for %s, got Content-Encoding %s" % (headers, answer.headers.get("Content-Encoding")))
        return seconds, body, (gzip.decompress(body) if zipped else body).decode("utf-8")

    def wait_until_quiet(self):
        """Returns when the process has next to nothing to do, without asking it anything."""
        deadline = time.monotonic() + COUNT_SECONDS_LIMIT
        last = -1.0
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.fail("the exporter ended with %d" % self.process.returncode)
            now = self.cpu_seconds()
            if now > 0 and now - last < 0.05:
                return
            last = now
            time.sleep(SETTLED_SECONDS)
        self.fail("the exporter was still busy after %d s" % COUNT_SECONDS_LIMIT)

    def wait_until_counted(self, events):
        """Waits until all events are received; answers the exposition and what was resident before it was asked for."""
        deadline = time.monotonic() + COUNT_SECONDS_LIMIT
        while True:
            self.wait_until_quiet()
            before = self.memory_mib()[0]
            try:
                text = self.scrape(FORMATS["text"])[2]
            except OSError:
                text = ""
            received = total(text, "kube_audit_events_received_total")
            if received >= events:
                return text, before
            if time.monotonic() > deadline:
                self.fail("only %d of %d events were counted" % (received, events))


def total(text, family):
    return sum(value for name, _, value in exposition.samples(text) if name == family)


def checked(exporter, text, series, events):
    """How many series each family shows; ends the program unless the refused requests are all there."""
    shown = collections.Counter()
    found, summed = set(), 0
    for name, labels, value in exposition.samples(text):
        shown[name] += 1
        if name == "kube_audit_denied_requests_total" and value:
            found.add((labels["k8s_cluster"], labels["user"], labels["source_ip"]))
            summed += value
    merged = [key for key in found if "(other)" in key]
    if len(found) != series or summed != events or merged:
        exporter.fail("%d series of refused requests (%d of them merged) with the sum %d; expected %d with %d" % (
            len(found), len(merged), summed, series, events))
    return shown


def timed(exporter, repeats, spacing):
    """Scrapes in every format by turns. A pause between them lets each show a state of its own."""
    seconds, sizes = collections.defaultdict(list), {}
    for _ in range(repeats):
        for name, headers in FORMATS.items():
            time.sleep(spacing)
            took, body, _ = exporter.scrape(headers)
            seconds[name].append(took * 1e3)
            sizes[name] = len(body)
    return {name: {"median_ms": round(statistics.median(values), 2), "lowest_ms": round(min(values), 2),
                   "highest_ms": round(max(values), 2), "bytes": sizes[name]} for name, values in seconds.items()}


def prepared(folder, options):
    """Writes the logs and the configuration; answers its path and the number of events."""
    clusters = clusters_of(options.series)
    end = now()
    configuration = ["inputs:", "  file_start: beginning", "  file:"]
    for cluster, count in enumerate(clusters):
        log = folder / ("cluster-%d.log" % cluster)
        with open(log, "w", encoding="utf-8") as out:
            out.writelines(events_of(cluster, count, options.rounds, end))
        configuration += ["    - path: " + json.dumps(str(log)), "      cluster: bench-%d" % cluster]
    if options.series > LIMIT_IN_ALL:
        configuration += ["limits:", "  denied:", "    series: %d" % (options.series + 1000)]
    path = folder / "config.yaml"
    path.write_text("\n".join(configuration) + "\n", encoding="utf-8")
    return path, len(clusters), options.series * options.rounds


def now():
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)


def measure_pauses(options, folder):
    """How long taking the readings of a scrape keeps the engine from counting: the first time, and later on."""
    path = folder / "archive.log"
    write_archive(path, options, now())
    runs = []
    for _ in range(options.pause_runs):
        done = subprocess.run([str(options.bench_count), str(path), "pause"], capture_output=True, text=True,
                              timeout=COUNT_SECONDS_LIMIT)
        if done.returncode != 0:
            workload.fail("bench-count ended with %d: %s" % (done.returncode, done.stdout + done.stderr), 1)
        said = {name: [int(word) for word in words.split("\t")]
                for name, _, words in (line.partition("\t") for line in done.stdout.splitlines())}
        if said["denied_series"] != [options.series] or said["denied"] != [options.series * options.rounds]:
            workload.fail("bench-count found %s series and %s refusals" % (said["denied_series"], said["denied"]), 1)
        runs.append(said)
    return {
        "samples": runs[0]["rows"][0], "first_us": [run["first_pause_us"][0] for run in runs],
        "later_median_us": [run["pause_us"][1] for run in runs],
        "later_highest_us": [run["pause_us"][2] for run in runs]}


def measure(options, folder):
    configuration, clusters, events = prepared(folder, options)
    exporter = Exporter(options.exporter, configuration, folder)
    try:
        text, before = exporter.wait_until_counted(events)
        shown = checked(exporter, text, options.series, events)
        after = exporter.memory_mib()[0]
        scrapes = timed(exporter, options.repeats, options.spacing)
        resident, peak = exporter.memory_mib()
        last = exporter.scrape(FORMATS["text"])[2]
        exported = total(last, "process_resident_memory_bytes") / (1 << 20)
        cpu = exporter.cpu_seconds()
    finally:
        exporter.stop()
    return {
        "machine": workload.machine(), "series": options.series, "clusters": clusters, "events": events,
        "samples": sum(shown.values()), "samples_by_family": dict(shown.most_common(12)),
        "resident_mib": {"counted": round(before, 1), "after_first_scrape": round(after, 1),
                         "after_all_scrapes": round(resident, 1), "peak": round(peak, 1),
                         "exported": round(exported, 1)},
        "scrapes": scrapes, "cpu_seconds": cpu}


def show(result):
    print("%(series)d series of refused requests in %(clusters)d clusters, from %(events)d events; %(samples)d samples"
          % result)
    for family, count in result["samples_by_family"].items():
        print("  %7d  %s" % (count, family))
    print("Resident MiB: %(counted)s once counted, %(after_first_scrape)s after the first scrape, "
          "%(after_all_scrapes)s after all; peak %(peak)s; the exporter itself says %(exported)s"
          % result["resident_mib"])
    pauses = result.get("pauses")
    if pauses:
        print("Counting pauses %.1f to %.1f ms for the first scrape, a median of %.1f ms later (%d runs, %d samples)"
              % (min(pauses["first_us"]) / 1e3, max(pauses["first_us"]) / 1e3,
                 statistics.median(pauses["later_median_us"]) / 1e3, len(pauses["first_us"]), pauses["samples"]))
    print("%-20s %10s %10s %10s %12s" % ("scrape", "median ms", "lowest", "highest", "bytes"))
    for name, row in result["scrapes"].items():
        print("%-20s %10s %10s %10s %12d" % (name, row["median_ms"], row["lowest_ms"], row["highest_ms"], row["bytes"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exporter", type=pathlib.Path, default=programs.default_exporter())
    parser.add_argument("--series", type=int, default=26_000, help="(cluster, user, source IP) that were refused")
    parser.add_argument("--rounds", type=int, default=4, help="events of each series, within 50 minutes (default 4)")
    parser.add_argument("--repeats", type=int, default=7, help="scrapes in each format (default 7)")
    parser.add_argument("--spacing", type=float, default=1.1, help="seconds between two scrapes (default 1.1)")
    parser.add_argument("--limit-mib", type=float, default=38.1,
                        help="fail when the peak is higher (default 38.1, which is 40 MB)")
    parser.add_argument("--bench-count", type=pathlib.Path, default=programs.default_bench("bench-count"))
    parser.add_argument("--pause-runs", type=int, default=5,
                        help="runs in which the pause is taken (default 5, 0: none)")
    parser.add_argument("--pause-limit-ms", type=float, default=10,
                        help="fail when the best first pause is longer (default 10)")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file")
    options = parser.parse_args()
    if options.series < IPS_PER_USER or options.rounds < 1 or options.repeats < 1:
        parser.error("--series must be at least %d, --rounds and --repeats positive" % IPS_PER_USER)
    options.exporter = options.exporter.resolve()
    options.bench_count = options.bench_count.resolve()
    if not os.access(options.exporter, os.X_OK):
        workload.fail("%s is not there. Build it first: make build" % options.exporter)
    if options.pause_runs and not os.access(options.bench_count, os.X_OK):
        workload.fail("%s is not there. Build it first: swift build -c release --package-path Benchmarks"
                      % options.bench_count)
    with tempfile.TemporaryDirectory(prefix="series-") as folder:
        result = measure(options, pathlib.Path(folder))
        if options.pause_runs:
            result["pauses"] = measure_pauses(options, pathlib.Path(folder))
    show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    failures = []
    peak = result["resident_mib"]["peak"]
    if peak > options.limit_mib:
        failures.append("%s MiB were resident, above %s" % (peak, options.limit_mib))
    pause = min(result["pauses"]["first_us"]) / 1e3 if options.pause_runs else 0
    if pause > options.pause_limit_ms:
        failures.append("the first scrape stopped counting for %.1f ms, above %s" % (pause, options.pause_limit_ms))
    for failure in failures:
        print("FAILED: " + failure)
    if failures:
        sys.exit(1)


if __name__ == "__main__":
    main()
