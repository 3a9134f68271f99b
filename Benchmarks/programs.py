"""The programs that run.py compares: how each is built and started, and which totals it must get right."""
import dataclasses
import os
import subprocess
import sys
import typing

import totals
from workload import CC, CXX, HERE, MTAIL, ROOT, compile_source, fail, require

DETAILED = ("events", "requests_by_code", "requests_by_verb", "denied", "server_errors", "rbac")


@dataclasses.dataclass(frozen=True)
class Program:
    """One program that counts a log. `prepare` builds it and answers its command, to which the log's path is added."""
    name: str
    title: str
    prepare: typing.Callable[[], list]
    read: typing.Callable[[str], dict]
    must_have: tuple
    environment: dict = dataclasses.field(default_factory=dict)
    after_path: tuple = ()


def lines():
    return [str(compile_source(CC, "peers/count_lines.c", "count_lines", ["-O2"]))]


def simdjson(architecture):
    def prepare():
        require(CXX)
        probe = subprocess.run([CXX.path(), "-E", "-x", "c++", "-", "-o", os.devnull], input="#include <simdjson.h>\n",
                               capture_output=True, text=True)
        if probe.returncode != 0:
            fail("simdjson.h not found. Install: apt-get install libsimdjson-dev")
        return [str(compile_source(CXX, "peers/count_simdjson.cpp", "count_simdjson-" + architecture,
                                   ["-O3", "-std=c++17", "-march=" + architecture, "-lsimdjson"]))]
    return prepare


def python_json():
    # The interpreter itself: a version manager's wrapper script would be measured with it.
    return [os.path.realpath(sys.executable), "-I", str(HERE / "peers" / "count_json.py")]


def mtail():
    require(MTAIL)
    return [MTAIL.path(), "--one_shot", "--progs", str(HERE / "peers" / "counters.mtail"), "--logs"]


PEERS = [
    Program("lines", "count lines (memchr)", lines, totals.read_table, ("events", "bytes")),
    Program("simdjson-native", "simdjson, -march=native", simdjson("native"), totals.read_table, DETAILED),
    Program("python-json", "Python json", python_json, totals.read_table, DETAILED),
    Program("mtail", "mtail, 5 counters", mtail, totals.read_mtail,
            ("events", "requests_by_code", "denied_by_ip", "server_errors", "rbac")),
]
if os.uname().machine == "x86_64":
    # The library picks its first stage's kernel when it runs: without the variable it would use AVX-512 where it can.
    PEERS.insert(1, Program("simdjson-avx2", "simdjson, AVX2", simdjson("haswell"), totals.read_table, DETAILED,
                            {"SIMDJSON_FORCE_IMPLEMENTATION": "haswell"}))


def exporter(path):
    """The product itself, replaying the log as a user would."""
    def prepare():
        if not os.access(path, os.X_OK):
            fail("%s is not there. Build it first: make build (or measure the others with --peers-only)" % path)
        return [str(path), "replay", "--format", "openmetrics"]
    return Program("exporter", "kube-audit-exporter", prepare, totals.read_exporter,
                   DETAILED + ("rejected", "denied_by_reason", "rbac_succeeded"))


def counting_paths(path):
    """The benchmark executable over the engine alone, by each of the decoder's paths; none when it is not built."""
    if not os.access(path, os.X_OK):
        return []
    return [Program("count-" + way, "bench-count, %s path" % way, lambda: [str(path)], totals.read_table,
                    ("events", "requests"), after_path=(way,)) for way in ("order", "any")]


def version_of(command):
    """The first line that a program prints about its version."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return ((done.stdout or done.stderr).strip().splitlines() or ["unknown"])[0]


def versions(exporter_path):
    """Versions of what is compared, for the record."""
    found = {"python": sys.version.split()[0]}
    if MTAIL.path():
        found["mtail"] = version_of([MTAIL.path(), "--version"])
    if CXX.path():
        found["g++"] = version_of([CXX.path(), "--version"])
        done = subprocess.run([CXX.path(), "-E", "-P", "-x", "c++", "-"], capture_output=True, text=True,
                              input="#include <simdjson.h>\nSIMDJSON_VERSION\n")
        if done.returncode == 0:
            found["simdjson"] = done.stdout.strip().splitlines()[-1].strip('"')
    if exporter_path is not None:
        found["kube-audit-exporter"] = version_of([str(exporter_path), "--version"])
    return found


def default_exporter():
    """The binary that is released when it was built, else what a plain release build leaves."""
    released = ROOT / ".build" / "kube-audit-exporter"
    return released if released.exists() else ROOT / ".build" / "release" / "kube-audit-exporter"


def default_bench(name):
    """An executable of the Benchmarks package."""
    return HERE / ".build" / "release" / name
