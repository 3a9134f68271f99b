#!/usr/bin/env python3
"""Measures the exporter beside other programs that count the same audit log: CPU time, resident peak, correct totals.

  run.py                     all programs, 5 repeats, both kinds of log, 500,000 events each
  run.py --peers-only        without the exporter
  run.py --repeats 3 --programs exporter,simdjson-native --json result.json

Every repeat runs every program once (interleaved, each repeat starting with another one), so that a noisy minute hits
all alike; medians are compared. Each program's totals are checked against the generator's exact counts.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

import programs
import totals
import workload

# What is asked of ours, as ratios of CPU time within one run: (ours, theirs, kind, {log: (gate, stretch)}). "At least":
# theirs takes so many times the CPU of ours; "at most": ours takes so many times the CPU of theirs. Machines that others
# share wobble, so --enforce allows a tenth.
GOALS = [
    ("exporter", "mtail", "at least", {"mixed": (50, 85), "metadata": (50, 70)}),
    ("exporter", "simdjson-avx2", "at least", {"mixed": (1.8, 2.6), "metadata": (1.8, 2.6)}),
    ("exporter", "simdjson-native", "at least", {"mixed": (1.3, 1.7), "metadata": (1.3, 1.7)}),
    ("exporter", "lines", "at most", {"mixed": (3.5, 2.2), "metadata": (4.5, 3.0)}),
    ("count-any", "simdjson-avx2", "at least", {"mixed": (1.0, 1.4), "metadata": (1.0, 1.4)}),
]
ALLOWANCE = 0.1
CHILD_SECONDS_LIMIT = 900


class Runner:
    """Starts programs from a small process, and remembers what each cost."""

    def __init__(self):
        self.measure = workload.compile_source(workload.CC, "tools/measure.c", "measure", ["-O2"])

    def run(self, program, command, path, output):
        done = subprocess.run(
            [str(self.measure), str(output), *command, str(path), *program.after_path], capture_output=True, text=True,
            env=workload.clean_environment(**program.environment), timeout=CHILD_SECONDS_LIMIT)
        cost = json.loads(done.stdout) if done.stdout.startswith("{") else {"exit": done.returncode}
        if cost["exit"] != 0:
            workload.fail("%s ended with %d:\n%s" % (program.name, cost["exit"], done.stderr.strip()[-2000:]), 1)
        cost["cpu"] = cost["user"] + cost["system"]
        return cost


def measured(runner, commands, log, repeats, report):
    """Runs all programs on one log; answers the costs by program name, and the complaints about totals."""
    expected = totals.expected_totals(log.expected)
    first = workload.WORK / "first-event.log"
    with open(log.path, "rb") as whole:
        first.write_bytes(whole.readline())
    log.settle()
    costs = {program.name: [] for program, _ in commands}
    starts = {program.name: [] for program, _ in commands}
    complaints = []
    for repeat in range(repeats):
        turn = repeat % len(commands)
        for program, command in commands[turn:] + commands[:turn]:
            output = workload.WORK / (program.name + ".out")
            starts[program.name].append(runner.run(program, command, first, output)["cpu"])
            log.warm()
            costs[program.name].append(runner.run(program, command, log.path, output))
            report("%s %d/%d %s" % (log.profile, repeat + 1, repeats, program.name))
            got = program.read(output.read_text(encoding="utf-8"))
            for wrong in totals.differences(got, expected, program.must_have):
                complaint = "%s, %s log: %s" % (program.name, log.profile, wrong)
                if complaint not in complaints:
                    complaints.append(complaint)
    return summary(costs, starts, log.events), complaints


def summary(costs, starts, events):
    """Medians by program: CPU per event (start-up included), the CPU of starting up, resident peak."""
    found = {}
    for name, runs in costs.items():
        per_event = sorted(run["cpu"] / events * 1e9 for run in runs)
        found[name] = {
            "cpu_ns_per_event": round(statistics.median(per_event), 1),
            "lowest": round(per_event[0], 1), "highest": round(per_event[-1], 1),
            "wall_ns_per_event": round(statistics.median(run["wall"] for run in runs) / events * 1e9, 1),
            "start_ms": round(statistics.median(starts[name]) * 1e3, 1),
            "max_rss_mib": round(statistics.median(run["max_rss_kib"] for run in runs) / 1024, 1),
        }
    ours = found.get("exporter")
    for row in found.values():
        row["times_exporter"] = round(row["cpu_ns_per_event"] / ours["cpu_ns_per_event"], 2) if ours else None
    return found


def table(profile, rows, commands):
    head = "%-26s %12s %23s %10s %9s %9s %12s" % (
        profile, "CPU ns/event", "(lowest .. highest)", "wall", "start ms", "RSS MiB", "x exporter")
    lines = [head, "-" * len(head)]
    for program, _ in commands:
        row = rows[program.name]
        spread = "(%s .. %s)" % (row["lowest"], row["highest"])
        ratio = "%.2f" % row["times_exporter"] if row["times_exporter"] is not None else "-"
        lines.append("%-26s %12.0f %23s %10.0f %9.1f %9.1f %12s" % (
            program.title, row["cpu_ns_per_event"], spread, row["wall_ns_per_event"], row["start_ms"],
            row["max_rss_mib"], ratio))
    return "\n".join(lines)


def judged(results):
    """One entry for each goal that this run can judge."""
    found = []
    for ours, theirs, kind, by_profile in GOALS:
        for profile, (gate, stretch) in by_profile.items():
            rows = results.get(profile, {})
            if ours not in rows or theirs not in rows:
                continue
            ratio = rows[theirs]["cpu_ns_per_event"] / rows[ours]["cpu_ns_per_event"]
            if kind == "at least":
                reached, near, stretched = ratio >= gate, ratio >= gate * (1 - ALLOWANCE), ratio >= stretch
            else:
                ratio = 1 / ratio
                reached, near, stretched = ratio <= gate, ratio <= gate * (1 + ALLOWANCE), ratio <= stretch
            state = "stretch" if stretched else "reached" if reached else "within the allowance" if near else "MISSED"
            found.append({"ours": ours, "theirs": theirs, "log": profile, "kind": kind, "gate": gate,
                          "stretch": stretch, "ratio": round(ratio, 2), "state": state})
    return found


def goal_line(goal):
    taker, other = goal["theirs"], goal["ours"]
    if goal["kind"] == "at most":
        taker, other = other, taker
    what = "%s takes %.2f times the CPU of %s" % (taker, goal["ratio"], other)
    return "%-9s %-62s %s %g (stretch %g): %s" % (
        goal["log"], what, goal["kind"], goal["gate"], goal["stretch"], goal["state"])


def chosen(options):
    every = list(programs.PEERS)
    if not options.peers_only:
        every = [programs.exporter(options.exporter)] + programs.counting_paths(options.bench_count) + every
    if options.programs is None:
        return every
    names = options.programs.split(",")
    unknown = set(names) - {program.name for program in every}
    if unknown:
        workload.fail("unknown program %s; there are %s" % (
            ", ".join(sorted(unknown)), ", ".join(program.name for program in every)))
    return [program for program in every if program.name in names]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=500_000, help="events in each log (default 500000)")
    parser.add_argument("--repeats", type=int, default=5, help="times that each program is run (default 5)")
    parser.add_argument("--profiles", default=",".join(workload.PROFILES), help="kinds of log (default mixed,metadata)")
    parser.add_argument("--programs", help="only these, separated by commas")
    parser.add_argument("--peers-only", action="store_true", help="leave the exporter out")
    parser.add_argument("--exporter", type=pathlib.Path, default=programs.default_exporter())
    parser.add_argument("--bench-count", type=pathlib.Path, default=programs.default_bench("bench-count"))
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file")
    parser.add_argument("--enforce", action="store_true", help="fail when a goal is missed by more than a tenth")
    options = parser.parse_args()
    if options.events < 1 or options.repeats < 1:
        parser.error("--events and --repeats must be positive")
    if set(options.profiles.split(",")) - set(workload.PROFILES):
        parser.error("--profiles takes %s" % ",".join(workload.PROFILES))
    return options


def main():
    options = arguments()
    commands = [(program, program.prepare()) for program in chosen(options)]
    runner = Runner()

    def report(text):
        if sys.stderr.isatty():
            print("\r\x1b[K" + text, end="", file=sys.stderr, flush=True)

    results, complaints, logs = {}, [], {}
    for profile in options.profiles.split(","):
        log = workload.generated_log(profile, options.events)
        rows, wrong = measured(runner, commands, log, options.repeats, report)
        results[profile] = rows
        complaints += wrong
        logs[profile] = {"events": log.events, "bytes": log.expected["bytes"]}
        report("")
        print(table(profile, rows, commands) + "\n")
    goals = judged(results)
    for goal in goals:
        print(goal_line(goal))
    for complaint in complaints:
        print("WRONG TOTALS: " + complaint)
    if not complaints:
        print("Totals: every program's agree with the expected counts.")
    if options.json:
        own = None if options.peers_only else options.exporter
        options.json.write_text(json.dumps(
            {"machine": workload.machine(), "versions": programs.versions(own), "repeats": options.repeats,
             "logs": logs, "results": results, "goals": goals, "wrong_totals": complaints},
            indent=1, ensure_ascii=False) + "\n",
            encoding="utf-8")
    missed = options.enforce and any(goal["state"] == "MISSED" for goal in goals)
    sys.exit(1 if complaints or missed else 0)


if __name__ == "__main__":
    main()
