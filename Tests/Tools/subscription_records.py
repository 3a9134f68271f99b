"""Records as CloudWatch Logs puts them into Firehose and Kinesis, good and bad, with what must be counted of them. Seeded."""
import gzip
import json
import random
import time


class Records:
    """Makes records, and adds up what they come to."""

    def __init__(self, seed, clusters, unnamed):
        self.dice = random.Random(seed)
        self.seed, self.clusters, self.unnamed = seed, clusters, unnamed
        self.made = 0
        self.expected = {"received": 0, "counted": 0, "not_a_request": 0, "ignored": 0, "rejected": 0, "salvaged": 0, "requests": {}}

    def record(self, bad=True):
        """The bytes of one record."""
        kind = self.dice.random()
        if kind < 0.65 or not bad:
            return gzip.compress(self.envelope(self.dice.choice(self.clusters)).encode(), 1)
        if kind < 0.75:
            # As after Firehose's own decompression: one behind the other.
            return "".join(self.envelope(self.dice.choice(self.clusters)) for _ in range(self.dice.randrange(1, 4))).encode()
        if kind < 0.85:
            return "".join(self.event(self.unnamed)[0] + "\n" for _ in range(self.dice.randrange(1, 5))).encode()
        if kind < 0.90:
            self.count("ignored")
            control = self.wrap("c", [("CWL CONTROL MESSAGE: Checking health of destination Firehose.", 0)], "CONTROL_MESSAGE")
            return gzip.compress(control.encode(), 1)
        if kind < 0.95:
            self.count("rejected")
            whole = gzip.compress(b'{"messageType":"DATA_MESSAGE"}' * 9)
            return whole[:len(whole) - self.dice.randrange(1, 12)]
        self.count("rejected")
        return b'{"messageType": DATA_MESSAGE}'

    def envelope(self, cluster):
        return self.wrap(cluster, [self.event(cluster, True) for _ in range(self.dice.randrange(1, 12))])

    def wrap(self, cluster, events, kind="DATA_MESSAGE"):
        return json.dumps({
            "messageType": kind, "owner": "123456789012", "logGroup": f"/aws/eks/{cluster}/cluster",
            "logStream": "kube-apiserver-audit-1", "subscriptionFilters": ["audit"],
            "logEvents": [{"id": f"{self.made}{at:08}", "timestamp": stamp, "message": text}
                          for at, (text, stamp) in enumerate(events)]})

    def event(self, cluster, mayBeCut=False):
        """An audit event of the cluster, counted; sometimes the text of another log, or one that was cut."""
        dice = self.dice
        self.made += 1
        stamp = int(time.time() * 1000) - dice.randrange(20_000)
        if mayBeCut and dice.random() < 0.04:
            self.count("ignored")
            return "I0101 00:00:00.000000 1 some text of a component", stamp
        clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp / 1000)) + f".{stamp % 1000:03}000Z"
        verb, code = dice.choice(["get", "list", "create", "delete"]), dice.choice([200, 201, 403, 404, 500])
        stage = "RequestReceived" if dice.random() < 0.1 else "ResponseComplete"
        text = json.dumps({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request", "auditID": f"{self.seed}-{self.made}",
            "stage": stage, "requestURI": "/api/v1/namespaces/default/pods", "verb": verb,
            "user": {"username": f"user-{dice.randrange(5)} \u00e9\"\\"}, "sourceIPs": ["203.0.113.9"],
            "objectRef": {"resource": "pods", "namespace": "default", "apiVersion": "v1"},
            "responseStatus": {"metadata": {}, "code": code}, "requestObject": {"data": "x" * dice.choice([0, 10, 3000])},
            "requestReceivedTimestamp": clock, "stageTimestamp": clock,
            "annotations": {"authorization.k8s.io/decision": "forbid" if code == 403 else "allow"}}, separators=(",", ":"))
        if mayBeCut and dice.random() < 0.05:
            text = text[:text.index('"requestObject"') + 24] + "[Truncated...]"
            self.expected["salvaged"] += 1
        if stage == "RequestReceived":
            self.count("not_a_request")
        else:
            self.count("counted")
            name = f"{cluster} {verb} {code}"
            self.expected["requests"][name] = self.expected["requests"].get(name, 0) + 1
        return text, stamp

    def count(self, what):
        self.expected["received"] += 1
        self.expected[what] += 1


def added(expected):
    """The sum of what several makers expect."""
    total = {"requests": {}}
    for one in expected:
        for name, value in one.items():
            if name == "requests":
                for request, count in value.items():
                    total["requests"][request] = total["requests"].get(request, 0) + count
            else:
                total[name] = total.get(name, 0) + value
    return total
