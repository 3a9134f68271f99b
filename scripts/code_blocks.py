#!/usr/bin/env python3
"""The fenced code blocks of Markdown pages, as something that tools can judge.

    scripts/code_blocks.py promql PAGE…    a rule file that records each expression, for `promtool check rules`
    scripts/code_blocks.py sh PAGE…        a shell script of each block, run with every program but jq made harmless

A page that a woken person copies from must not hold an expression that Prometheus refuses, or a jq program that does not
compile. Prints what is wrong and exits 1.
"""
import json
import os
import re
import subprocess
import sys

LOG = "examples/events.jsonl"
# What only exists on a cluster says nothing here; what reads its output sees an empty input.
HARMLESS = ("amtool aws az chronyc curl date df dmesg gcloud gzip journalctl kube-audit-exporter kubectl ls openssl "
            "systemctl").split()


def blocks(page, language):
    """(line, text) of the blocks of one language, without the indentation of a list around them."""
    with open(page, encoding="utf-8") as file:
        lines = file.read().split("\n")
    start, indent = None, ""
    for number, line in enumerate(lines, 1):
        fence = re.match(r"^( *)```(\w*)", line)
        if not fence:
            continue
        if start is None:
            start, indent, kind = number, fence.group(1), fence.group(2)
        else:
            if kind == language:
                yield start, "\n".join(text.removeprefix(indent) for text in lines[start:number - 1])
            start = None


def rules(pages):
    """Every block that is PromQL as a recording rule; JSON is YAML."""
    found = [{"record": f"page:line:{number}", "expr": text, "labels": {"page": page}}
             for page in pages for number, text in blocks(page, "promql")]
    print(json.dumps({"groups": [{"name": "pages", "rules": found}]}, indent=1))


def run(page, number, text):
    """Whether bash reads the block and jq compiles every program in it."""
    harmless = "".join(f"{name}() {{ :; }}\n" for name in HARMLESS)
    script = harmless + text.replace("/var/log/kubernetes/audit/audit.log", LOG)
    read = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    if read.returncode:
        print(f"{page}:{number}: {read.stderr.strip()}")
        return False
    if "jq" not in text:
        return True
    given = os.environ | {"LOG": LOG, "WHO": "alice", "IP": "203.0.113.9"}
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False, env=given)
    faults = [line for line in ran.stderr.split("\n") if line.startswith("jq:")]
    for fault in faults:
        print(f"{page}:{number}: {fault}")
    return not faults


def main():
    mode, pages = sys.argv[1], sys.argv[2:]
    if mode == "promql":
        return rules(pages)
    ran = [run(page, number, text) for page in pages for number, text in blocks(page, "sh")]
    print(f"{len(ran)} blocks of shell")
    return 0 if all(ran) and ran else 1


if __name__ == "__main__":
    sys.exit(main())
