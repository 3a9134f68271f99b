#!/usr/bin/env python3
"""Measures commits under load: batches of 400 events pushed to the webhook, 26,000 series there, 1,000 of them changing.

  commits.py                          50,000 events/s for 20 s
  commits.py --rate 0 --seconds 10    as fast as it goes
  commits.py --memory                 the same with the state in memory: what the file costs

Every push must be answered 200 and every event counted once. It prints how long pushes waited, how long commits took, and
how long a scrape took meanwhile, committed counters and all.
"""
import argparse
import http.client
import multiprocessing
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import programs
import series
import workload

BATCH = 400
CLUSTERS = 6
TEMPLATES = 8
ID = b"00000000-0000-4000-8000-"


def body(cluster, chosen, serial):
    """An EventList with one event for each chosen series. The first auditID is `serial`, in the same place always."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    items = ",".join(
        (series.EVENT % {
            "id": "00000000-0000-4000-8000-%012x" % (serial if at == 0 else at), "n": at % 100,
            "user": "user%05d@corp.example" % user, "ip": "10.%d.%d.%d" % (cluster, ip >> 8, ip & 255),
            "time": now}).rstrip("\n") for at, (user, ip) in enumerate(chosen))
    return ('{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[%s]}' % items).encode()


def push(connection, cluster, data):
    connection.request("POST", "/webhook/c%d" % cluster, body=data, headers={"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def pusher(number, port, rate, seconds, results):
    """One API server: one batch after another, at its share of the rate."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    cluster = number % CLUSTERS
    chosen = series.pairs(series.PER_CLUSTER)[:1000 // CLUSTERS]
    chosen = (chosen * (BATCH // len(chosen) + 1))
    bodies = [bytearray(body(cluster, chosen[at:at + BATCH], 0)) for at in range(TEMPLATES)]
    places = [data.index(ID) + len(ID) for data in bodies]
    waits, statuses, sent = [], {}, 0
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        data, place = bodies[sent % TEMPLATES], places[sent % TEMPLATES]
        data[place:place + 12] = b"%02x%010x" % (number + 1, sent)
        begin = time.monotonic()
        status = push(connection, cluster, bytes(data))
        waits.append(time.monotonic() - begin)
        statuses[status] = statuses.get(status, 0) + 1
        sent += 1
        if rate:
            pause = start + sent * BATCH / rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)
    results.put((waits, statuses))


def samples(text, name):
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines() if line.startswith(name)}


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] * 1000


class Exporter(series.Exporter):
    """The same, with a listener for pushes."""

    def __init__(self, program, folder, memory):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.push_port = probe.getsockname()[1]
        configuration = folder / "exporter.yaml"
        configuration.write_text(
            'limits: {denied: {series: 30000}}\ninputs: {webhook: {listen_addresses: ["127.0.0.1:%d"], clusters: [%s]}}\n'
            'storage: {path: "%s"}\n' % (
                self.push_port, ", ".join("c%d" % n for n in range(CLUSTERS)), "" if memory else folder / "state"),
            encoding="utf-8")
        super().__init__(program, configuration, folder)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.push_port)).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    self.fail("it does not listen")
                time.sleep(0.05)

    def page(self):
        seconds, _, text = self.scrape(series.FORMATS["text"])
        return seconds, text


def run(options, folder):
    exporter = Exporter(pathlib.Path(options.program), folder, options.memory)
    connection = http.client.HTTPConnection("127.0.0.1", exporter.push_port, timeout=60)
    pushed = 0
    for cluster in range(CLUSTERS):
        all_pairs = series.pairs(options.series // CLUSTERS)
        for at in range(0, len(all_pairs), BATCH):
            chosen = all_pairs[at:at + BATCH]
            if push(connection, cluster, body(cluster, chosen, at)) != 200:
                exporter.fail("a push was refused")
            pushed += len(chosen)
    connection.close()
    time.sleep(1.1)
    before = exporter.page()[1]
    cpu = exporter.cpu_seconds()
    results = multiprocessing.Queue()
    senders = [multiprocessing.Process(
        target=pusher, args=(n, exporter.push_port, options.rate / options.senders, options.seconds, results))
        for n in range(options.senders)]
    start = time.monotonic()
    for sender in senders:
        sender.start()
    scrapes = []
    while time.monotonic() - start < options.seconds - 1:
        time.sleep(2)
        scrapes.append(exporter.page()[0])
    told = [results.get() for _ in senders]
    for sender in senders:
        sender.join()
    took = time.monotonic() - start
    cpu = exporter.cpu_seconds() - cpu
    time.sleep(1.1)
    after = exporter.page()[1]
    waits = [wait for each, _ in told for wait in each]
    statuses = {}
    for _, each in told:
        for status, count in each.items():
            statuses[status] = statuses.get(status, 0) + count
    pushed += BATCH * statuses.get(200, 0)
    counted = sum(samples(after, "kube_audit_denied_requests_total{").values())
    name = "kube_audit_state_commit_duration_seconds"
    old, new = samples(before, name), samples(after, name)
    commits = new[name + "_count"] - old[name + "_count"]
    print("series            %d" % len(samples(after, "kube_audit_denied_requests_total{")))
    print("answers           %s" % statuses)
    print("events/s          %.0f (%.1f µs of CPU an event)" % (BATCH * len(waits) / took, 1e6 * cpu / BATCH / len(waits)))
    print("push, ms          p50 %.1f  p99 %.1f  max %.1f" % (
        quantile(waits, 0.5), quantile(waits, 0.99), max(waits) * 1000))
    print("commits/s         %.0f, mean %.1f ms" % (
        commits / took, 1000 * (new[name + "_sum"] - old[name + "_sum"]) / max(commits, 1)))
    print("commits within    " + "  ".join("%s s: %.2f%%" % (
        key.split('"')[1], 100 * (new[key] - old[key]) / max(commits, 1)) for key in new if "_bucket" in key))
    print("scrape, ms        max %.0f of %d" % (max(scrapes) * 1000, len(scrapes)))
    print("resident, MiB     %.0f, at most %.0f" % exporter.memory_mib())
    print("state, bytes      %d" % sum(samples(after, "kube_audit_state_size_bytes").values()))
    exporter.stop()
    if counted != pushed:
        workload.fail("%d events were acknowledged, %d are counted" % (pushed, counted), 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=26_000)
    parser.add_argument("--rate", type=int, default=50_000, help="events a second; 0 for as many as possible")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--senders", type=int, default=6)
    parser.add_argument("--memory", action="store_true", help="keep the state in memory")
    parser.add_argument("--program", default=str(programs.default_exporter()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(options, pathlib.Path(folder))


if __name__ == "__main__":
    sys.exit(main())
