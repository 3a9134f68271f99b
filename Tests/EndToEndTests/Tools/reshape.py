"""Writes audit events (one JSON object a line, on standard input) in another shape.

Usage: reshape.py SHAPE. Names of clusters in the envelopes are `default`, so that nothing but the shape differs.
"""

import base64
import gzip
import json
import sys

BATCH = 400
SUBSCRIPTION = "/SUBSCRIPTIONS/00000000-0000-4000-8000-000000000000/RESOURCEGROUPS/RG/PROVIDERS"


def batches(lines):
    return [lines[at : at + BATCH] for at in range(0, len(lines), BATCH)]


def bare(line):
    """The event as an item of a list: without kind and apiVersion."""
    event = json.loads(line)
    del event["kind"], event["apiVersion"]
    return event


def event_list(lines):
    return {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": [bare(x) for x in lines]}


def cloudwatch(lines):
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/aws/eks/default/cluster",
        "logStream": "kube-apiserver-audit-0123456789abcdef",
        "subscriptionFilters": ["all"],
        "logEvents": [{"id": str(i), "timestamp": 1767600000000, "message": x} for i, x in enumerate(lines)],
    }


def aks(line, category="kube-audit"):
    return {
        "time": "2026-01-05T08:00:00.0000000Z",
        "category": category,
        "operationName": "Microsoft.ContainerService/managedClusters/diagnosticLogs/Read",
        "resourceId": SUBSCRIPTION + "/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/default",
        "properties": {"log": line + "\n", "stream": "stdout", "pod": "kube-apiserver-0"},
    }


def otlp(lines):
    records = [{"timeUnixNano": "1767600000000000000", "body": {"stringValue": x}} for x in lines]
    return {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": records}]}]}


def packed(value):
    return base64.b64encode(gzip.compress(json.dumps(value).encode(), 1)).decode()


def twice(lines):
    """Both categories of AKS: the second leaves get and list out."""
    for line in lines:
        yield aks(line)
        if json.loads(line)["verb"] not in ("get", "list"):
            yield aks(line, "kube-audit-admin")


def joined(values):
    return "".join(json.dumps(v, ensure_ascii=False) + "\n" for v in values)


SHAPES = {
    "lines": lambda lines: "\n".join(lines) + "\n",
    "no-last-line-feed": lambda lines: "\n".join(lines),
    "windows": lambda lines: "\ufeff" + "\r\n".join(lines) + "\r\n",
    "concatenated": lambda lines: "".join(lines),
    "pretty": lambda lines: "\n".join(json.dumps(json.loads(x), indent=2, ensure_ascii=False) for x in lines),
    "reversed-keys": lambda lines: joined(dict(reversed(json.loads(x).items())) for x in lines),
    "node-prefix": lambda lines: "".join("master-0.example.com %s\n" % x for x in lines),
    "event-lists": lambda lines: joined(event_list(b) for b in batches(lines)),
    "event-list": lambda lines: json.dumps(event_list(lines), ensure_ascii=False),
    "pretty-event-list": lambda lines: json.dumps(event_list(lines), indent=1),
    "array": lambda lines: "[" + ",".join(lines) + "]",
    "shipper-text": lambda lines: joined({"log": x + "\n", "stream": "stdout", "time": "2026-01-05T08:00:00Z"} for x in lines),
    "cri": lambda lines: "".join("2026-01-05T08:00:00.000000001Z stdout F %s\n" % x for x in lines),
    "otlp": lambda lines: joined(otlp(b) for b in batches(lines)),
    "shipper-object": lambda lines: joined({"@timestamp": "2026-01-05T08:00:00Z", "log": json.loads(x)} for x in lines),
    "shipper-message": lambda lines: joined({"message": x, "kubernetes": {"pod_name": "kube-apiserver-0"}} for x in lines),
    "cloudwatch": lambda lines: joined(cloudwatch(b) for b in batches(lines)),
    "aks": lambda lines: joined({"records": [aks(x) for x in b]} for b in batches(lines)),
    "aks-lines": lambda lines: joined(aks(x) for x in lines),
    "aks-both-categories": lambda lines: joined(twice(lines)),
}

lines = sys.stdin.buffer.read().decode().rstrip("\n").split("\n")
shape = sys.argv[1]
out = sys.stdout.buffer
if shape == "gzip":
    out.write(gzip.compress(SHAPES["lines"](lines).encode(), 1))
elif shape == "gzip-members":
    for batch in batches(lines):
        out.write(gzip.compress(SHAPES["lines"](batch).encode(), 1))
elif shape == "awslogs":
    out.write(joined({"awslogs": {"data": packed(cloudwatch(b))}} for b in batches(lines)).encode())
elif shape == "kinesis":
    records = ({"kinesis": {"data": packed(cloudwatch(b))}} for b in batches(lines))
    out.write(json.dumps({"Records": list(records)}).encode())
else:
    out.write(SHAPES[shape](lines).encode())
