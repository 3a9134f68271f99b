"""Reads an exposition on standard input with prometheus_client, strictly, and prints every series as a JSON list of strings.

Usage: parse_exposition.py text|openmetrics|exemplars. Any error of the parser ends it with 1. Gauges that move between two
scrapes and the names that differ between the formats are evened out: what is printed is name and labels. `exemplars` reads
OpenMetrics and prints {name, user, audit_id, value, time} of those samples that have an exemplar.
"""

import json
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

chosen = {"text": parser, "openmetrics": openmetrics, "exemplars": openmetrics}[sys.argv[1]]
page = sys.stdin.buffer.read().decode("utf-8", errors="strict")
if sys.argv[1] == "exemplars":
    shown = [
        {
            "name": sample.name,
            "user": sample.labels.get("user", ""),
            "audit_id": sample.exemplar.labels["audit_id"],
            "value": sample.exemplar.value,
            "time": float(sample.exemplar.timestamp),
        }
        for family in chosen.text_string_to_metric_families(page)
        for sample in family.samples
        if sample.exemplar
    ]
    json.dump(shown, sys.stdout)
    sys.exit()
series = [
    json.dumps([sample.name, sorted(sample.labels.items())])
    for family in chosen.text_string_to_metric_families(page)
    for sample in family.samples
]
json.dump(series, sys.stdout)
