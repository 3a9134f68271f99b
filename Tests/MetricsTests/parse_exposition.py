"""Reads an exposition on standard input with prometheus_client and prints its samples as JSON.

Usage: parse_exposition.py text|openmetrics. Exit code 3: the package is missing. Any error of the parser ends it with 1.
"""

import json
import sys

try:
    from prometheus_client import parser
    from prometheus_client.openmetrics import parser as openmetrics
except ImportError:
    sys.exit(3)

chosen = {"text": parser, "openmetrics": openmetrics}[sys.argv[1]]
page = sys.stdin.buffer.read().decode("utf-8", errors="strict")
families = [
    {
        "name": family.name,
        "type": family.type,
        "unit": family.unit,
        "help": family.documentation,
        "samples": [{"name": s.name, "labels": s.labels, "value": repr(float(s.value))} for s in family.samples],
    }
    for family in chosen.text_string_to_metric_families(page)
]
json.dump(families, sys.stdout)
