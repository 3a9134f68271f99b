#!/usr/bin/env python3
"""Holds the instructions and heap allocations per event of the counting path against a recorded baseline.

  instructions.py             measure and compare: exit 1 when a figure is worse than recorded
  instructions.py --record    measure and write baseline.json

Time wobbles on shared machines; instruction counts hardly do. `bench-count FILE order|any` decodes and counts a
generated log with every family and window on, by the decoder's order path or its any-order path, from fixed seeds.
`bench-count FILE order rules=RULES` evaluates the default rules of Falco besides; that may cost at most twice as much as
without. Those of our own cost more, for they keep windows by user, address and client too. Each runs under callgrind on
logs of 100,000 and 200,000 events, the first being the beginning of the second: the difference, divided by 100,000, is what
one event costs once the program is warm. Counted is what runs inside `Archive.read`: reading, cutting, decoding and counting,
not start-up nor the one reading that is printed at the end. Allocations, of the whole run, are counted in the same way, by a
preloaded counter: the first 100,000 are the warming-up, in which most series are made. The program prints its totals,
tab-separated (`events N`, `requests N` at least; `denied`, `server_errors`, `rbac` if it likes), and they are checked.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import programs
import totals
import workload

WARM, WHOLE = 100_000, 200_000
# The default rules of Falco, all of them, evaluated on each event as well.
RULES = workload.ROOT / "Tests/Corpora/falco/rules/newest/k8s_audit_rules-0.18.0.yaml"
# What is given to bench-count behind the log.
WAYS = {"order": ("order",), "any": ("any",), "rules": ("order", "rules=%s" % RULES),
        "own": ("order", "rules=%s" % (workload.ROOT / "rules/detections.yaml"))}
RUN_SECONDS_LIMIT = 300
# Allocations per event are next to none: two percent of that would be noise, so this much more is let pass.
ALLOCATIONS_SLACK = 0.001


def run(command, log, **more):
    """Runs the program on a log, checks its totals, and answers its standard error."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_LIMIT, **more)
    if done.returncode != 0:
        workload.fail("%s ended with %d:\n%s" % (" ".join(command), done.returncode, done.stderr.strip()[-2000:]), 1)
    expected = totals.expected_totals(log.expected)
    found = totals.read_table(done.stdout)
    # What rules match, nobody else counts; rules that match nothing would not be evaluated to their ends.
    if sum(found.pop("detections", {(): 1}).values()) == 0:
        workload.fail("%s finds no rule that matches" % " ".join(command), 1)
    wrong = totals.differences(found, expected, ("events", "requests"))
    if wrong:
        workload.fail("%s counts wrongly: %s" % (" ".join(command), "; ".join(wrong)), 1)
    return done.stderr


# The mangled name of `Inputs.Archive.read`.
COUNTED = "--toggle-collect=*6Inputs7ArchiveV4read*"


def instructions(program, log, way, profile_to=None):
    """Instructions of one whole run."""
    output = str(profile_to) if profile_to else os.devnull
    errors = run([workload.VALGRIND.path(), "--tool=callgrind", "--callgrind-out-file=" + output, COUNTED, str(program),
                  str(log.path), *WAYS[way]], log, env=workload.clean_environment())
    found = re.search(r"^==\d+== Collected : (\d+)", errors, re.MULTILINE)
    if found is None:
        workload.fail("callgrind printed no count:\n" + errors.strip()[-2000:], 1)
    return int(found[1])


def allocations(program, counter, log, way):
    """Heap allocations of one whole run."""
    with tempfile.TemporaryFile() as report:
        run([str(program), str(log.path), *WAYS[way]], log, pass_fds=(report.fileno(),), env=workload.clean_environment(
            LD_PRELOAD=str(counter), COUNT_ALLOCATIONS_FD=str(report.fileno())))
        report.seek(0)
        text = report.read()
    if not text:
        workload.fail("%s let no allocation be counted: is it linked statically?" % program, 1)
    return int(text)


def readable(program):
    """A copy that valgrind can read: the one of Debian 12 stops at the debug information that Swift's clang writes for C."""
    workload.WORK.mkdir(parents=True, exist_ok=True)
    copy = workload.WORK / (program.name + ".symbols")
    subprocess.run([workload.STRIP.path(), "--strip-debug", "-o", str(copy), str(program)], check=True)
    return copy


def measured(program, profile_directory):
    """Figures per event, as {"instructions": {"order/mixed": ...}, "allocations": {...}}."""
    counter = workload.compile_source(
        workload.CC, "tools/count_allocations.c", "count_allocations.so", ["-O2", "-shared", "-fPIC"])
    logs = {profile: [workload.generated_log(profile, events) for events in (WARM, WHOLE)]
            for profile in workload.PROFILES}
    keys = [(way, profile) for profile in workload.PROFILES for way in WAYS]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = {}
        for way, profile in keys:
            for log in logs[profile]:
                into = None
                if profile_directory and log.events == WHOLE:
                    into = profile_directory / ("callgrind.%s-%s.out" % (way, profile))
                jobs[way, profile, log.events] = pool.submit(instructions, program, log, way, into)
        counted = {key: job.result() for key, job in jobs.items()}
    figures = {"instructions": {}, "allocations": {}}
    for way, profile in keys:
        key = way + "/" + profile
        marginal = (counted[way, profile, WHOLE] - counted[way, profile, WARM]) / (WHOLE - WARM)
        figures["instructions"][key] = round(marginal, 1)
        warm, whole = (allocations(program, counter, log, way) for log in logs[profile])
        figures["allocations"][key] = round((whole - warm) / (WHOLE - WARM), 6)
    return figures


def compared(figures, baseline):
    """Rows of (name, value, recorded, limit, verdict); one with a word in capitals is a failure."""
    tolerance, limits, recorded = baseline["tolerance"], baseline["limits"], baseline["recorded"] or {}
    rows = []
    for kind, values in figures.items():
        for key, value in values.items():
            limit = limits[kind] if kind == "allocations" else limits[kind][key]
            before = recorded.get(kind, {}).get(key)
            slack = ALLOCATIONS_SLACK if kind == "allocations" else 0
            if before is None:
                verdict = "NOT RECORDED"
            elif value > max(before * (1 + tolerance), before + slack):
                verdict = "WORSE"
            elif value < min(before * (1 - tolerance), before - slack):
                verdict = "better: record it"
            else:
                verdict = "as recorded"
            if value > limit:
                verdict += ", ABOVE THE LIMIT"
            rows.append((kind, key, value, before, limit, verdict))
    return rows + ratios(figures["instructions"], baseline["limits"].get("ratios", {}))


def ratios(figures, limits):
    """Rows of what one way costs by another on the same log, measured in this run."""
    rows = []
    for key, limit in limits.items():
        way, other = key.split("/")
        for profile in workload.PROFILES:
            value = figures["%s/%s" % (way, profile)] / figures["%s/%s" % (other, profile)]
            verdict = "ABOVE THE LIMIT" if value > limit else "within the limit"
            rows.append(("ratio", "%s %s" % (key, profile), value, None, limit, verdict))
    return rows


def show(rows):
    print("%-14s %-20s %12s %12s %9s %10s  %s" % (
        "per event", "", "measured", "recorded", "change", "limit", "verdict"))
    for kind, key, value, before, limit, verdict in rows:
        form = {"allocations": "%.4f", "ratio": "%.3f"}.get(kind, "%.0f")
        change = "%+.2f %%" % ((value / before - 1) * 100) if before else "-"
        print("%-14s %-20s %12s %12s %9s %10s  %s" % (
            kind, key, form % value, form % before if before is not None else "-", change, limit, verdict))


def toolchain():
    """What else moves the figures: another compiler or C library is another baseline."""
    return {"machine": os.uname().machine, "libc": workload.machine()["libc"],
            "swift": programs.version_of(["swift", "--version"]),
            "valgrind": programs.version_of([workload.VALGRIND.path(), "--version"])}


def record(path, baseline, figures):
    baseline["recorded"] = {"with": toolchain(), **figures}
    path.write_text(json.dumps(baseline, indent=1) + "\n", encoding="utf-8")
    print("Recorded in %s." % path.name)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=programs.default_bench("bench-count"))
    parser.add_argument("--baseline", type=pathlib.Path, default=workload.HERE / "baseline.json")
    parser.add_argument("--record", action="store_true", help="write what was measured as the new baseline")
    parser.add_argument("--profiles-to", type=pathlib.Path, metavar="DIRECTORY",
                        help="keep callgrind's profiles of the larger logs, for callgrind_annotate")
    return parser.parse_args()


def main():
    options = arguments()
    workload.require(workload.VALGRIND, workload.CC, workload.STRIP)
    program = options.program.resolve()
    if not os.access(program, os.X_OK):
        workload.fail("%s is not there. Build it first: swift build -c release --package-path Benchmarks" % program)
    if options.profiles_to:
        options.profiles_to.mkdir(parents=True, exist_ok=True)
    baseline = json.loads(options.baseline.read_text(encoding="utf-8"))
    figures = measured(readable(program), options.profiles_to)
    rows = compared(figures, baseline)
    show(rows)
    failures = [row for row in rows if any(word in row[-1] for word in ("WORSE", "NOT RECORDED", "ABOVE THE LIMIT"))]
    if options.record:
        record(options.baseline, baseline, figures)
        sys.exit(0)
    known = (baseline["recorded"] or {}).get("with")
    if known and known != toolchain():
        print("The baseline was recorded with other tools: %s; here: %s." % (
            ", ".join(known.values()), ", ".join(toolchain().values())))
    if failures:
        print("%d of %d figures fail. Make it cheaper, or, when the cost is wanted, record it: %s --record" % (
            len(failures), len(rows), sys.argv[0]))
    elif any("better" in row[-1] for row in rows):
        print("Better than recorded: hold on to it with %s --record" % sys.argv[0])
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
