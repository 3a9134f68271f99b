#!/usr/bin/env python3
"""Holds deploy/ to schemas, to itself and to the exporter.

    Tests/Tools/deploy/check.py BINARY             every check
    Tests/Tools/deploy/check.py BINARY --broken    every check against copies with one fault each: all must be found

Exit code 0: nothing was found. What cannot be checked on this machine is said.
"""

import pathlib
import shutil
import sys
import tempfile

import apiserver
import kubernetes
import machine
import policy
from broken import FAULTS
from common import Place

ROOT = pathlib.Path(__file__).resolve().parents[3]
CHECKS = kubernetes.CHECKS + policy.CHECKS + apiserver.CHECKS + machine.CHECKS
# What the checks read.
PARTS = ["deploy", "alerts", "dashboards", "examples", "scripts", "Sources/Counting"]


def check(place, checks):
    findings = []
    for one in checks:
        try:
            findings += one(place)
        except (KeyError, TypeError, StopIteration, IndexError, OSError) as error:
            findings.append(f"{one.__name__}: something is not where it should be: {error!r}")
    return findings


def broken(binary):
    """A finding for each fault that its check does not see, and what could not be tried for want of a program."""
    missed, notes = [], []
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            for part in PARTS:
                if (ROOT / part).exists():
                    shutil.copytree(ROOT / part, pathlib.Path(folder) / part)
            file = pathlib.Path(folder) / fault.path
            text = file.read_text()
            if fault.old not in text:
                missed.append(f"{fault.path}: does not contain what the fault changes: {fault.old!r}")
                continue
            file.write_text(text.replace(fault.old, fault.new, 1))
            place = Place(folder, binary)
            findings = check(place, [fault.check])
            if place.notes and not findings:
                notes += place.notes
            elif not any(fault.finds in finding for finding in findings):
                missed.append(f"{fault.path}: {fault.old!r} -> {fault.new!r} is not found; found: {findings}")
    return missed, notes


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--broken"]):
        sys.exit(__doc__)
    binary = pathlib.Path(sys.argv[1]).resolve()
    if sys.argv[2:]:
        findings, notes = broken(binary)
        seen = {fault.check for fault in FAULTS}
        findings += [f"{one.__name__}: no fault shows that it can fail" for one in CHECKS if one not in seen]
        told = f"{len(FAULTS)} faults, one at a time"
    else:
        place = Place(ROOT, binary)
        findings, notes = check(place, CHECKS), place.notes
        told = f"{len(CHECKS)} checks"
    for note in dict.fromkeys(notes):
        print(f"deploy: {note}")
    for finding in findings:
        print(finding)
    if not findings:
        print(f"deploy: {told}")
    sys.exit(1 if findings else 0)


main()
