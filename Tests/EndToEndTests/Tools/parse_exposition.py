"""Reads an exposition on standard input with prometheus_client, strictly, and prints every series as a JSON list of strings.

Usage: parse_exposition.py text|openmetrics. Any error of the parser ends it with 1. Gauges that move between two scrapes and the
names that differ between the formats are evened out: what is printed is name and labels.
"""

import json
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

chosen = {"text": parser, "openmetrics": openmetrics}[sys.argv[1]]
page = sys.stdin.buffer.read().decode("utf-8", errors="strict")
series = [
    json.dumps([sample.name, sorted(sample.labels.items())])
    for family in chosen.text_string_to_metric_families(page)
    for sample in family.samples
]
json.dump(series, sys.stdout)
