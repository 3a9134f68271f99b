#!/usr/bin/env python3
"""Random files of CloudTrail, and what must be counted of them.

Written from the documentation of CloudTrail and docs/metrics.md, not from the exporter: records are counted one by one from
their parsed JSON. Usage: cloudtrail.py SEED FILES FOLDER. Files are written to FOLDER, and one JSON object is printed:
`files`, their paths in the order in which they must be read; `series`, a list of [name, labels, value]; `accounts`.
"""
import gzip
import json
import random
import sys

START = 1_790_000_000  # 2026-09-21
WINDOWS = {"5m": 300, "15m": 900, "1h": 3600}
TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
OPERATIONS = ["DescribeCluster", "ListClusters", "CreateAccessEntry", "UpdateClusterConfig", "CreateCluster"]


def stamp(seconds):
    import time
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.accounts = ["%012d" % self.random.randrange(10**12) for _ in range(3)]
        self.serial = 0

    def identity(self):
        r, account = self.random, self.random.choice(self.accounts)
        role = r.choice(["admin", "ci", "path/to/ops"])
        session = {"type": "AssumedRole", "principalId": "AROA1:alice", "accountId": account,
                   "arn": f"arn:aws:sts::{account}:assumed-role/{role.split('/')[-1]}/{r.choice(['alice', 'bob'])}"}
        return r.choice([
            dict(session, sessionContext={"sessionIssuer": {
                "type": "Role", "arn": f"arn:aws:iam::{account}:role/{role}", "userName": role}, "attributes": {}}),
            session,
            {"type": "IAMUser", "arn": f"arn:aws:iam::{account}:user/eve", "userName": "eve", "accountId": account},
            {"type": "Root", "arn": f"arn:aws:iam::{account}:root", "accountId": account},
            {"type": "AWSService", "invokedBy": "eks.amazonaws.com"},
            {"type": "AWSAccount", "accountId": account, "principalId": "AIDA:x"},
            {"type": "AWSAccount", "accountId": account},
            {"type": "IAMUser", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"},
            {"type": "IAMUser", "userName": "(other)"},
            {"type": "IAMUser", "userName": "J\u00fcrgen \"J\" \\ \u65e5\u672c"},
            {},
            None,
        ])

    def record(self):
        r = self.random
        self.serial += 1
        record = {
            "eventVersion": "1.09", "userIdentity": self.identity(), "eventTime": stamp(self.now - r.randrange(5400)),
            "eventSource": "eks.amazonaws.com", "eventName": r.choice(OPERATIONS),
            "awsRegion": r.choice(["eu-west-1", "us-east-1"]),
            "sourceIPAddress": r.choice(["198.51.100.7", "2001:db8::1", "eks.amazonaws.com", "AWS Internal"]),
            "userAgent": "aws-cli", "requestParameters": {"name": r.choice(["prod", "test"])}, "responseElements": None,
            "eventID": "%08x-0000-4000-8000-%012x" % (self.serial, r.randrange(2**40)), "readOnly": False,
            "eventType": "AwsApiCall", "managementEvent": True, "recipientAccountId": r.choice(self.accounts),
            "eventCategory": "Management",
        }
        if r.random() < 0.2:
            record["errorCode"] = r.choice(["AccessDenied", "ResourceNotFoundException", "ThrottlingException"])
        if record["eventName"] == "UpdateClusterConfig" and r.random() < 0.8:
            record["requestParameters"]["logging"] = {"clusterLogging": [
                {"types": r.sample(TYPES + ["futureType"], r.randrange(1, 5)) + r.choice([[], ["audit", "audit"]]),
                 "enabled": r.random() < 0.5} for _ in range(r.randrange(1, 3))]}
        kind = r.random()
        if kind < 0.15:
            record["eventSource"] = r.choice(["s3.amazonaws.com", "sts.amazonaws.com", "eks-auth.amazonaws.com"])
        elif kind < 0.4:
            self.assumption(record)
        elif kind < 0.45:
            record = self.insight(record)
        elif kind < 0.5:
            record[r.choice(["eventID", "eventTime", "eventName"])] = r.choice(["", None, 5])
        return record

    def assumption(self, record):
        r, account = self.random, self.random.choice(self.accounts)
        subject = r.choice(["system:serviceaccount:shop:cart", "system:serviceaccount:kube-system:dns",
                            "repo:octo/cat:ref:refs/heads/main"])
        record["eventSource"], record["eventName"] = "sts.amazonaws.com", "AssumeRoleWithWebIdentity"
        record["userIdentity"] = {"type": "WebIdentityUser", "userName": subject, "principalId": "arn:...:" + subject}
        record["requestParameters"] = {"roleArn": f"arn:aws:iam::{account}:role/{r.choice(['cart', 'dns'])}"}
        if "errorCode" not in record and r.random() < 0.5:
            record["responseElements"] = {"subjectFromWebIdentityToken": subject}

    def insight(self, record):
        r = self.random
        kind = r.choice(["ApiCallRateInsight", "ApiErrorRateInsight"])
        details = {
            "state": r.choice(["Start", "End"]), "eventSource": "eks.amazonaws.com", "eventName": r.choice(OPERATIONS),
            "insightType": kind, "insightContext": {"statistics": {
                "baseline": {"average": round(r.random(), 6)}, "insight": {"average": round(20 * r.random(), 3)},
                "insightDuration": 5, "baselineDuration": 10080}}}
        if kind == "ApiErrorRateInsight":
            details["errorCode"] = "AccessDenied"
        kept = ["eventVersion", "eventTime", "awsRegion", "eventID", "recipientAccountId"]
        return dict({key: record[key] for key in kept}, eventType="AwsCloudTrailInsight", eventCategory="Insight",
                    sharedEventID=f"shared-{r.randrange(40)}", insightDetails=details)

    def file(self, number):
        """The texts of the records of a file, and its bytes."""
        r = self.random
        self.now = START + 600 * number
        records = [self.record() for _ in range(r.randrange(1, 120))]
        records += [r.choice(records) for _ in range(r.randrange(3))]
        separators = r.choice([(",", ":"), (", ", ": ")])
        texts = [json.dumps(x, separators=separators, ensure_ascii=r.random() < 0.5) for x in records]
        shape = r.choice(["records", "lines", "array", "log"])
        if shape in ("records", "array"):
            # A record whose JSON is broken costs itself.
            for at in range(len(texts)):
                if r.random() < 0.02:
                    texts[at] = texts[at].replace('"eventVersion":', '"eventVersion" ', 1)
        if shape == "records":
            text = '{"Records":[' + ",".join(texts) + "]}"
        elif shape == "array":
            text = "[" + ",\n".join(texts) + "]\n"
        elif shape == "lines":
            text = "\n".join(texts) + "\n"
        else:
            text = json.dumps({"messageType": "DATA_MESSAGE", "logGroup": "trail", "logEvents": [
                {"id": str(n), "timestamp": self.now * 1000, "message": text} for n, text in enumerate(texts)]}) + "\n"
        return texts, text.encode()


def label(value):
    """A label value as docs/metrics.md has it."""
    return "\\" + value if value[:1] in ("(", "\\") else value


class Count:
    def __init__(self):
        self.totals, self.events, self.seen = {}, {}, set()
        self.accounts = {"counted": 0, "not_a_request": 0, "duplicate": 0, "ignored": 0, "rejected": 0}
        self.now, self.feeds, self.insights = 0, {}, {}

    def take(self, text):
        self.accounts[self.outcome(text)] += 1

    def outcome(self, text):
        try:
            record = json.loads(text)
        except ValueError:
            return "rejected"
        insight = record.get("insightDetails")
        needed = ["eventID"] + ([] if insight else ["eventSource", "eventName"])
        if not all(isinstance(record.get(key), str) and record[key] for key in needed):
            return "rejected"
        if not isinstance(record["eventTime"], str) or not record["eventTime"]:
            return "rejected"
        service, identity = record.get("eventSource"), record.get("userIdentity") or {}
        subject = (record.get("responseElements") or {}).get("subjectFromWebIdentityToken") or identity.get("userName")
        is_assumption = (service, record.get("eventName")) == ("sts.amazonaws.com", "AssumeRoleWithWebIdentity") and (
            subject or "").startswith("system:serviceaccount:")
        if not insight and service != "eks.amazonaws.com" and not is_assumption:
            return "ignored"
        if record["eventID"] in self.seen:
            return "duplicate"
        self.seen.add(record["eventID"])
        import calendar, time
        at = calendar.timegm(time.strptime(record["eventTime"], "%Y-%m-%dT%H:%M:%SZ"))
        self.now = max(self.now, at)
        place = {"cloud_provider": "aws", "cloud_account": record["recipientAccountId"],
                 "cloud_region": record["awsRegion"]}
        if insight:
            self.note_insight(record, insight, place, at)
            return "not_a_request"
        self.hear(tuple(place.values()), at)
        if is_assumption:
            self.add("kube_audit_role_assumptions_total", None, at, place, user=subject,
                     role=record["requestParameters"]["roleArn"], error_code=record.get("errorCode", "(none)"))
            return "counted"
        principal = self.principal(identity)
        self.add("kube_audit_cloud_api_calls_total", "kube_audit_window_cloud_api_calls", at, place,
                 operation=record["eventName"], error_code=record.get("errorCode", "(none)"), principal=principal)
        logging = record["requestParameters"].get("logging")
        if record["eventName"] == "UpdateClusterConfig" and "errorCode" not in record and logging:
            changes = {(kind if kind in TYPES else "(other)", group["enabled"])
                       for group in logging["clusterLogging"] for kind in group["types"]}
            for kind, enabled in changes:
                self.add("kube_audit_cluster_logging_changes_total", "kube_audit_window_cluster_logging_changes", at,
                         place, k8s_cluster=record["requestParameters"]["name"], log_type=kind,
                         change="enabled" if enabled else "disabled", principal=principal,
                         source_ip=record["sourceIPAddress"])
        return "counted"

    @staticmethod
    def principal(identity):
        issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
        if identity.get("type") == "AssumedRole" and issuer.get("arn"):
            return issuer["arn"]
        arn = identity.get("arn", "")
        if ":assumed-role/" in arn:
            return f"arn:aws:iam::{arn.split(':')[4]}:role/{arn.split('/')[1]}"
        for key in ["arn", "userName", "invokedBy", "principalId", "accountId"]:
            if identity.get(key):
                return label(identity[key])
        return "(unknown)"

    def add(self, total, window, at, place, **labels):
        key = tuple(sorted(dict(place, **labels).items()))
        self.totals[total, key] = self.totals.get((total, key), 0) + 1
        if window:
            self.events.setdefault((window, key), []).append((at, tuple(place.values())))

    def hear(self, place, at):
        """Where the windows of an account and region end: as far behind as its newest record was when it came."""
        feed = self.feeds.setdefault(place, {"newest": -1, "lag": 0, "edge": 0})
        if feed["newest"] >= 0:
            feed["edge"] = max(feed["edge"], self.now - feed["lag"])
        if at > feed["newest"]:
            feed["newest"], feed["lag"] = at, self.now - at
            feed["edge"] = max(feed["edge"], self.now - feed["lag"])

    def note_insight(self, record, insight, place, at):
        shared = record["sharedEventID"]
        if self.insights.get(shared, {}).get("ended"):
            return
        statistics = insight["insightContext"]["statistics"]
        self.insights[shared] = {
            "ended": insight["state"] == "End", "at": at, "average": statistics["insight"]["average"],
            "baseline": statistics["baseline"]["average"],
            "labels": dict(place, cloud_service="eks", operation=insight["eventName"], insight=insight["insightType"],
                           error_code=insight.get("errorCode", "(none)"))}

    def series(self):
        for (name, key), value in self.totals.items():
            yield name, dict(key), value
        for (name, key), events in self.events.items():
            for window, seconds in WINDOWS.items():
                width, value = seconds // 30, 0
                for at, place in events:
                    feed = self.feeds[place]
                    edge = max(feed["edge"], self.now - feed["lag"])
                    value += at // width >= edge // width - 30
                if value:
                    yield name, dict(key, window=window), value
        newest = {}
        for insight in self.insights.values():
            key = tuple(sorted(insight["labels"].items()))
            if not insight["ended"] and self.now - insight["at"] <= 86400:
                newest.setdefault(key, []).append(insight)
        for key, insights in newest.items():
            last = max(x["at"] for x in insights)
            candidates = [x for x in insights if x["at"] == last]
            # Of two that began at once, either may be shown.
            if len(candidates) == 1:
                yield "kube_audit_cloud_insight_calls_per_minute", dict(key), candidates[0]["average"]
                yield "kube_audit_cloud_insight_baseline_calls_per_minute", dict(key), candidates[0]["baseline"]


def main():
    seed, files, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    generator, count, paths = Generator(seed), Count(), []
    for number in range(files):
        texts, data = generator.file(number)
        for text in texts:
            count.take(text)
        path = f"{folder}/{number:03}.json"
        if generator.random.random() < 0.5:
            path, data = path + ".gz", gzip.compress(data)
        with open(path, "wb") as out:
            out.write(data)
        paths.append(path)
    json.dump({"files": paths, "series": list(count.series()), "accounts": count.accounts}, sys.stdout)


if __name__ == "__main__":
    main()
