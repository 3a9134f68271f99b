#!/usr/bin/env python3
"""differential: compares the decoder with Python's json module, event by event, on a damaged log.

  differential.py BENCH_DECODE --seed 1 --rounds 10 --lines 2000

Each round generates a log (generate_audit_log.py beside this file), damages its lines, puts a small whole event between
any two of them, lets `BENCH_DECODE FILE order dump` and `... any dump` read it, and compares what lies between two of the
small events with what Python makes of that line:

  * a line that Python reads gives the same event, field by field, or none where it is no audit event;
  * a line that Python refuses gives no event, or one marked as salvaged whose fields are those of the whole line;
  * no line costs or changes a neighbour.

The one difference that is allowed, and counted: damage inside requestObject or responseObject, which the decoder does not
read. There its answer must be Python's for the line without its bodies.
"""
import argparse
import calendar
import json
import os
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import audit_oracle as oracle  # noqa: E402
import generate_audit_log as generator  # noqa: E402

VERBS = {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "proxy", "head", "options",
         "post", "put", "connect", "trace"}
STAGES = {"RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"}
LEVELS = {"Metadata", "Request", "RequestResponse"}
KINDS = {"users", "groups", "serviceaccounts", "userextras", "uids"}
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.A)


def refuse(word):
    raise ValueError(word)


def loads(text):
    return json.loads(text, strict=False, parse_constant=refuse)


def microseconds(text):
    m = TIME.fullmatch(text) if isinstance(text, str) else None
    if not m:
        return None
    y, mo, d, h, mi, s = (int(x) for x in m.groups()[:6])
    if not (y >= 1970 and 1 <= mo <= 12 and 1 <= d <= calendar.monthrange(y, mo)[1] and h < 24 and mi < 60 and s < 60):
        return None
    t = calendar.timegm((y, mo, d, h, mi, s))
    zone = m.group(8) or "Z"
    if zone != "Z":
        if int(zone[1:3]) > 23 or int(zone[4:]) > 59:
            return None
        t -= (1 if zone[0] == "+" else -1) * (int(zone[1:3]) * 3600 + int(zone[4:]) * 60)
    return t * 1000000 + int(((m.group(7) or "") + "000000")[:6])


def text(v):
    return v if isinstance(v, str) else ""


def fields(e):
    """What the decoder reports of an event, from Python's reading of it."""
    sub = lambda k: e.get(k) if isinstance(e.get(k), dict) else {}
    ref, status, ann = sub("objectRef"), sub("responseStatus"), sub("annotations")
    code = status.get("code")
    if isinstance(code, str) and re.fullmatch("[0-9]+", code):
        code = int(code)
    code = code if isinstance(code, int) and not isinstance(code, bool) and 100 <= code <= 599 else 0
    decision = ann.get("authorization.k8s.io/decision")
    decision = "absent" if not isinstance(decision, str) else decision if decision in ("allow", "forbid") else "other"
    details = status.get("details") if isinstance(status.get("details"), dict) else {}
    refused = code == 403 and ("cannot impersonate" in text(status.get("message")) or
                               text(details.get("kind")) in KINDS - {text(ref.get("resource"))})
    verb, uri = text(e.get("verb")), text(e.get("requestURI"))
    time = microseconds(e.get("stageTimestamp"))
    if time is None:
        time = microseconds(e.get("requestReceivedTimestamp"))
    if time is None:
        time = microseconds(e.get("timestamp"))
    ips = e.get("sourceIPs")
    query = uri.split("?", 1)[1] if "?" in uri else ""
    stage, level = text(e.get("stage")), text(e.get("level"))
    return [stage if stage in STAGES else "unknown", level if level in LEVELS else "unknown",
            verb if verb in VERBS else "(other)" if verb else "(none)", str(code), decision,
            "true" if refused else "false",
            "true" if any(p.startswith("dryRun=") for p in query.split("&")) else "false",
            "kubernetes", "-" if time is None else str(time),
            text(sub("user").get("username")), text(sub("impersonatedUser").get("username")),
            text(ips[-1]) if isinstance(ips, list) and ips else "", text(e.get("userAgent")), uri, text(e.get("auditID")),
            text(ref.get("apiGroup")), text(ref.get("resource")), text(ref.get("subresource")), text(ref.get("namespace")),
            text(ref.get("name")), ""]


def reported(row):
    """The same from a line of the decoder's dump."""
    out = row[1:10]
    for i, raw in enumerate(row[10:]):
        if i == 2:
            ips = loads("[" + raw.replace("\\u000a", " ").replace("\\u0009", " ").replace("\\u000d", " ") + "]")
            out.append(text(ips[-1]) if ips else "")
        else:
            out.append(loads('"' + raw + '"'))
    # Lone surrogates: Go and the decoder replace them.
    return [re.sub("[\ud800-\udfff]", "\ufffd", x) for x in out]


def python_events(line):
    """The events of a line, or None when it is no JSON."""
    try:
        value = loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return []
    if oracle.is_audit_kind(value, "Event") or oracle.looks_bare(value):
        return [[re.sub("[\ud800-\udfff]", "\ufffd", x) for x in fields(value)]]
    return []


def without_bodies(line):
    begins = [i for i in (line.find(b',"requestObject":'), line.find(b',"responseObject":')) if i >= 0]
    # The key before stageTimestamp may be damaged too.
    ends = [m.start() for m in re.finditer(rb',"[^"]{20,28}":"[^"]*","stageTimestamp":"', line)]
    end = max([line.rfind(b',"requestReceivedTimestamp":"')] + ends)
    return line[:min(begins)] + line[end:] if begins and end > min(begins) else None


class Damage:
    """Ways in which a line is changed. Each answers the new line and whether flips may follow."""

    def __init__(self, r):
        self.r = r
        self.ways = [self.none, self.cut, self.flip, self.flip, self.flip, self.imitate, self.reorder, self.reorder,
                     self.duplicate, self.space, self.escape, self.misplace, self.retype, self.cut_head]

    def apply(self, line):
        return self.r.choice(self.ways)(line)

    def none(self, line):
        return line

    def cut(self, line):
        return line[:self.r.randrange(len(line))]

    def cut_head(self, line):
        return line[self.r.randrange(len(line)):]

    def flip(self, line):
        b = bytearray(line)
        # Half of the flips where the fields are, not in bodies.
        span = len(b) if self.r.random() < 0.5 else min(len(b), 900)
        for _ in range(self.r.choice((1, 1, 1, 2, 5))):
            i = self.r.randrange(span)
            b[i] = self.r.choice((b[i] ^ (1 << self.r.randrange(8)), self.r.randrange(256), *b'"\\{}[],:0 \n'))
        return bytes(b)

    def decoy(self):
        return {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "stage": "ResponseComplete", "verb": "delete",
                "user": {"username": "decoy"}, "responseStatus": {"code": 500},
                "requestReceivedTimestamp": "2020-01-01T00:00:00.000000Z",
                "stageTimestamp": "2020-01-01T00:00:00.000000Z", "annotations": {"authorization.k8s.io/decision": "forbid"}}

    def imitate(self, line):
        e = loads(line.decode())
        body = self.r.choice((self.decoy(), [self.decoy()], json.dumps(self.decoy()), {"x": json.dumps(self.decoy())},
                              {"requestReceivedTimestamp": "2020-01-01T00:00:00.000000Z"}, "skipped-too-big-size-object",
                              None, 5, [], {"a": {"b": [[self.decoy()]]}}))
        out = {}
        for k, v in e.items():
            if k == "requestReceivedTimestamp":
                out.setdefault("responseObject" if self.r.random() < 0.5 else "requestObject", body)
            out[k] = v
        return generator.dumps(out).encode()

    def reorder(self, line):
        e = list(loads(line.decode()).items())
        if self.r.random() < 0.5:
            self.r.shuffle(e)
        else:
            e.insert(self.r.randrange(len(e)), e.pop(self.r.randrange(len(e))))
            if any(k.endswith("Object") for k, _ in e) and self.is_hidden(e):
                self.r.shuffle(e)
        return generator.dumps(dict(e)).encode()

    def is_hidden(self, items):
        """Whether one field stands between a body and the time, everything else in the server's order."""
        keys = [k for k, _ in items]
        bodies = [i for i, k in enumerate(keys) if k in ("requestObject", "responseObject")]
        return keys.index("requestReceivedTimestamp") > bodies[-1] + 1

    def duplicate(self, line):
        """A key twice, the second one elsewhere with the value of another event."""
        e = list(loads(line.decode()).items())
        k = self.r.choice([k for k, _ in e if not k.endswith("Object")])
        v = {"stage": "Panic", "verb": "delete", "level": "Request", "user": {"username": "twice"}, "sourceIPs": ["9.9.9.9"],
             "responseStatus": {"code": 599}, "objectRef": {"resource": "twice"}, "annotations": {}}.get(k, "twice")
        bodies = [i for i, (x, _) in enumerate(e) if x.endswith("Object")]
        places = [i for i in range(1, len(e) + 1) if not bodies or not bodies[0] < i <= bodies[-1] + 1]
        e.insert(self.r.choice(places), (k, v))
        return ("{" + ",".join(generator.dumps(a) + ":" + generator.dumps(b) for a, b in e) + "}").encode()

    def space(self, line):
        e = loads(line.decode())
        return json.dumps(e, ensure_ascii=self.r.random() < 0.5, separators=self.r.choice(
            ((", ", ": "), (" , ", " : "), (",\t", ":"), (",", ":\r")))).encode()

    def escape(self, line):
        """Some characters of keys and values written as escapes."""
        out, inside, i = bytearray(), False, 0
        while i < len(line):
            c = line[i]
            if c == 0x5c:
                length = 6 if line[i + 1] == 0x75 else 2
                out += line[i:i + length]
                i += length
                continue
            if c == 0x22:
                inside = not inside
            elif inside and 0x20 <= c < 0x7f and self.r.random() < 0.02:
                out += b"\\u%04x" % c
                i += 1
                continue
            out.append(c)
            i += 1
        return bytes(out)

    def misplace(self, line):
        """An event inside something else, or something around it."""
        return self.r.choice((b"node-1.example.com %s", b"\xef\xbb\xbf%s", b"%s\r", b"  %s", b"\0\0\0%s", b"%s garbage",
                              b"garbage %s", b"%s}", b"{%s")) % line

    def retype(self, line):
        """A value of another type."""
        e = loads(line.decode())
        k = self.r.choice(list(e))
        e[k] = self.r.choice((None, True, 5, -1.5e3, "text", [], {}, [None], {"username": 5, "code": "403", "resource": []}))
        return generator.dumps(e).encode()


def prefix_free(line):
    """What the decoder lets stand before an event: NULs, a byte order mark, a name."""
    line = line.replace(b"\xef\xbb\xbf", b"").lstrip(b"\0 \t\r")
    m = re.match(rb'[^{"\\]{0,252} (?=\{)', line)
    # The other log of the API server never has events.
    if m and not re.match(rb"[IWEF]\d{4} ", line):
        return line[m.end():]
    return line


class Comparison:
    def __init__(self):
        self.executions = self.bodies = self.salvaged = self.refused = self.events = 0
        self.failures = []

    def check(self, mode, original, line, rows):
        self.executions += 1
        events = [r for r in rows if r[0] == "event"]
        salvaged = [r for r in rows if r[0] == "salvaged"]
        self.salvaged += len(salvaged)
        got = [reported(r) for r in events]
        want = python_events(prefix_free(line).rstrip(b"\0\r \t,]")) if b"\n" not in line else self.per_line(line)
        if want is None:
            self.refused += 1
        else:
            self.events += len(want)
        if got == (want or []) and (want is None or not want or not salvaged):
            return self.check_salvaged(mode, original, line, salvaged)
        bare = without_bodies(line)
        if bare is not None and got == (python_events(prefix_free(bare).rstrip(b"\0\r ")) or []):
            self.bodies += 1
            return None
        return self.fail(mode, line, got, want)

    def per_line(self, line):
        """A damage that put line feeds in: each part by itself, or all of it as one document."""
        out = []
        for part in line.split(b"\n"):
            found = python_events(prefix_free(part).rstrip(b"\0\r \t,]"))
            if found is None:
                whole = python_events(prefix_free(line).rstrip(b"\0\r \t,]"))
                # A line feed inside a string ends a line here, and is let pass there.
                inside = re.sub(rb'"(?:[^"\\]|\\.)*"', lambda m: m.group().replace(b"\n", b"?"), line, flags=re.S)
                if whole and inside.count(b"\n") == line.count(b"\n"):
                    return whole
                continue
            out += found
        return out

    def check_salvaged(self, mode, original, line, rows):
        """Nothing of a salvaged event may be made up: each field is the whole line's, or nothing."""
        if not rows or line != original[:len(line)]:
            return
        want = python_events(original)[0]
        got = reported(rows[0])
        if got[8] == str(microseconds(loads(original.decode())["requestReceivedTimestamp"])):
            got[8] = "-"
        for i, (a, b) in enumerate(zip(got, want)):
            if a != b and not (a in ("", "-", "absent", "false", "unknown") and i not in (0, 2, 3, 9)):
                return self.fail(mode, line, got, want)

    def fail(self, mode, line, got, want):
        self.failures.append((mode, line, got, want))


def rows_by_line(dump, count):
    groups, current = [], []
    for row in dump:
        row = row.split("\t")
        if row[0] == "event" and row[15].startswith("sync-"):
            groups.append(current)
            if int(row[15][5:]) != len(groups) - 1:
                raise SystemExit("a neighbour was lost before line %s" % row[15])
            current = []
        else:
            current.append(row)
    if len(groups) != count:
        raise SystemExit("%d of %d whole lines came out" % (len(groups), count))
    return groups


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("decoder", help="the bench-decode executable")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--lines", type=int, default=2000)
    args = a.parse_args()
    result = Comparison()
    for number in range(args.rounds):
        seed = args.seed * 1000 + number
        out = []
        generator.generate(argparse.Namespace(
            events=args.lines, profile="mixed" if number % 2 else "metadata", users=60, source_ips=40, seed=seed,
            start="2026-01-05T08:00:00Z", rate=50.0, forbidden_share=0.08, unauthorized_share=0.04,
            server_error_share=0.02, request_received_share=0.05), out.append)
        lines = b"".join(out).rstrip(b"\n").split(b"\n")
        damage = Damage(random.Random(seed))
        changed = [damage.apply(line) for line in lines]
        sync = ('{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"sync-%d",'
                '"stage":"RequestReceived","requestURI":"/","verb":"get","user":{}}\n')
        with tempfile.NamedTemporaryFile() as f:
            for i, line in enumerate(changed):
                f.write(line + b"\n" + (sync % i).encode())
            f.flush()
            for mode in ("order", "any"):
                done = subprocess.run([args.decoder, f.name, mode, "dump"], capture_output=True, check=True)
                dump = done.stdout.decode().split("\n")[:-2]
                for original, line, rows in zip(lines, changed, rows_by_line(dump, len(changed))):
                    result.check(mode, original, line, rows)
    print("executions %d, events %d, refused by both %d, salvaged %d, damaged inside bodies only %d, different %d" % (
        result.executions, result.events, result.refused, result.salvaged, result.bodies, len(result.failures)))
    for mode, line, got, want in result.failures[:5]:
        print(mode, line[:3000], "\n got", got, "\nwant", want)
    sys.exit(1 if result.failures else 0)


if __name__ == "__main__":
    main()
