"""What every benchmark shares: where things are, which tools they need, the generated logs and their exact counts."""
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
GENERATOR = ROOT / "Tests" / "Tools" / "generate_audit_log.py"
# Beside the build products of the Benchmarks package, and like them ignored by git and safe to delete.
WORK = HERE / ".build" / "bench"

PROFILES = ("mixed", "metadata")
USERS, SOURCE_IPS, SEED = 2000, 500, 7


def fail(message, code=2):
    """Ends the program with one sentence on standard error."""
    print("%s: %s" % (os.path.basename(sys.argv[0]), message), file=sys.stderr)
    sys.exit(code)


@dataclasses.dataclass(frozen=True)
class Tool:
    """A program looked up on PATH, and the Debian package that has it."""
    name: str
    package: str

    def path(self):
        return shutil.which(self.name)


CC = Tool("gcc", "gcc")
CXX = Tool("g++", "g++")
MTAIL = Tool("mtail", "mtail")
STRIP = Tool("strip", "binutils")
VALGRIND = Tool("valgrind", "valgrind")


def require(*tools):
    """Ends the program when a tool is missing, and names the packages to install."""
    missing = [tool for tool in tools if tool.path() is None]
    if missing:
        fail("not found on PATH: %s. Install: apt-get install %s" % (
            ", ".join(tool.name for tool in missing), " ".join(sorted({tool.package for tool in missing}))))


def compile_source(tool, source, output, flags):
    """Builds one source file, unless the product is newer than the source; returns the product's path."""
    source, output = HERE / source, WORK / output
    if output.exists() and output.stat().st_mtime > source.stat().st_mtime:
        return output
    require(tool)
    WORK.mkdir(parents=True, exist_ok=True)
    libraries = [flag for flag in flags if flag.startswith("-l")]
    options = [flag for flag in flags if not flag.startswith("-l")]
    command = [tool.path(), *options, str(source), "-o", str(output), *libraries]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        fail("%s does not build:\n%s" % (source.name, done.stderr.strip()))
    return output


@dataclasses.dataclass(frozen=True)
class Log:
    """A generated log and what must be counted in it (the generator's --expect)."""
    profile: str
    path: pathlib.Path
    expected: dict

    @property
    def events(self):
        return self.expected["events"]

    def settle(self):
        """Has the file leave the page cache, so that it comes back as reading ahead leaves it, in large pieces: what was
        written a little at a time lies there in small ones, and to read those costs every program some 100 ns an event."""
        with open(self.path, "rb", buffering=0) as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def warm(self):
        """Reads the file once, so that no program pays for a cold page cache."""
        with open(self.path, "rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


def generated_log(profile, events, users=USERS, source_ips=SOURCE_IPS, seed=SEED):
    """The log with these arguments, made once and kept: same arguments and same generator, same bytes."""
    version = hashlib.sha256(GENERATOR.read_bytes()).hexdigest()[:8]
    stem = "%s-%d-%d-%d-%d-%s" % (profile, events, users, source_ips, seed, version)
    path, expect = WORK / (stem + ".log"), WORK / (stem + ".json")
    if not (path.exists() and expect.exists()):
        WORK.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        subprocess.run(
            [sys.executable, str(GENERATOR), "--events", str(events), "--profile", profile, "--users", str(users),
             "--source-ips", str(source_ips), "--seed", str(seed), "--out", str(partial), "--expect", str(expect)],
            check=True)
        partial.rename(path)
    return Log(profile, path, json.loads(expect.read_text(encoding="utf-8")))


def clean_environment(**more):
    """What a measured program sees of the environment: little, and the same everywhere."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", **more}


def machine():
    """The processor, kernel and C library that figures belong to."""
    model = "unknown"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    uname = os.uname()
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        libc = None
    return {"processor": model, "processors": os.cpu_count(), "machine": uname.machine, "kernel": uname.release,
            "libc": libc or "unknown"}
