#!/usr/bin/env python3
"""CloudWatch Logs (and STS) as they behave on bad days, over TLS, for the end-to-end tests. Signatures are checked with botocore.

Events come late, in order after a stall, or on time; pages are short, empty with a token, or repeat an event; tokens expire;
calls are throttled, fail, are cut off; messages are truncated. What must be counted in the end, and what was asked, is told at
GET /facts; POST /calm ends the faults. Prints its port, then serves until it is killed.

  cloudwatch_server.py CERTIFICATE KEY '{"groups": 6, "seconds": 12, "overlap": 10, "seed": 0, …}'
"""
import base64
import bisect
import json
import random
import re
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

certificate, private_key = sys.argv[1:3]
options = {"groups": 6, "seconds": 12, "overlap": 10, "seed": 0, "rate": 8, "history": 60, "faults": True, "share": 1.0, "seldom": True,
           "late_groups": 1, "denied_regions": []} | json.loads(sys.argv[3])
ACCOUNT = "123456789012"
keys = {"AKIDTEST": ("secret/of+test", None)}
chance = random.Random(options["seed"])
lock = threading.Lock()
started = time.time()
facts = {"calls": {}, "actions": [], "violations": [], "faults": {}, "signers": [], "pages": 0, "listings": 0}
calm = not options["faults"]


class Group:
    """A log group with everything that will ever be in it."""

    def __init__(self, name, seed, born=0.0, kind="STANDARD"):
        self.name, self.kind, self.born = name, kind, started + born
        self.found = None
        self.cluster = name.split("/")[3]
        self.region = "eu-west-1"
        dice = random.Random(f"{options['seed']} {seed}")
        self.expected = {"received": 0, "counted": 0, "not_a_request": 0, "ignored": 0, "salvaged": 0, "requests": {}}
        begin = int(1000 * (self.born - (options["history"] if not born else 0)))
        end = int(1000 * (self.born + max(1, options["seconds"] - born)))
        gap = 1000 / options["rate"]
        overlap = 1000 * options["overlap"] - 500
        stalls = dice.random() < 0.4
        stall = begin + dice.uniform(0.3, 0.6) * (end - begin)
        stall = (stall, stall + dice.uniform(0.5, 1.5) * overlap) if stalls else (0, 0)
        events, moment, last = [], float(begin), 0
        while moment < end:
            stamp = int(moment)
            delay = dice.uniform(0, overlap) if dice.random() < 0.2 else dice.uniform(0, 800)
            taken = stamp + int(delay)
            if stall[0] <= stamp < stall[1] or stamp < last:
                # Delivery goes on where it stopped, in order.
                taken = last = max(int(stall[1]), last) + dice.randrange(3)
            message, what = self.message(dice, stamp, len(events))
            stream = "kube-apiserver-audit-" + ("a1", "b2")[len(events) % 2]
            if dice.random() < 0.1:
                stream, what = "kube-scheduler-c3", None
            if what:
                self.count(*what)
            events.append((stamp, taken, f"{seed:05}{len(events):08}", stream, message))
            moment += dice.expovariate(1 / gap)
        self.events = sorted(events)
        self.stamps = [event[0] for event in self.events]
        self.until = max((event[1] for event in events), default=0)

    def message(self, dice, stamp, number):
        clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp / 1000)) + f".{stamp % 1000:03}000Z"
        verb, code = dice.choice(["get", "list", "create", "delete"]), dice.choice([200, 201, 403, 404, 500])
        stage = "RequestReceived" if dice.random() < 0.1 else "ResponseComplete"
        text = json.dumps({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request",
            "auditID": f"{self.cluster}-{number}", "stage": stage, "requestURI": "/api/v1/namespaces/default/pods",
            "verb": verb, "user": {"username": f"user-{dice.randrange(5)} \u00e9\"\\"}, "sourceIPs": ["203.0.113.9"],
            "objectRef": {"resource": "pods", "namespace": "default", "apiVersion": "v1"},
            "responseStatus": {"metadata": {}, "code": code},
            "requestObject": {"data": "x" * dice.choice([0, 10, 3000])},
            "requestReceivedTimestamp": clock, "stageTimestamp": clock,
            "annotations": {"authorization.k8s.io/decision": "forbid" if code == 403 else "allow"}},
            separators=(",", ":"))
        what = (stage, verb, code, False)
        kind = dice.random()
        if kind < 0.03:
            return "I0101 00:00:00.000000 1 some text of a component", ("ignored", "", 0, False)
        if kind < 0.08:
            # Cut as CloudWatch cuts, inside the object that made it long.
            return text[:text.index('"requestObject"') + 24] + "[Truncated...]", what[:3] + (True,)
        return text, what

    def count(self, stage, verb, code, salvaged):
        told = self.expected
        told["received"] += 1
        if stage == "ignored":
            told["ignored"] += 1
            return
        told["salvaged"] += salvaged
        if stage == "RequestReceived":
            told["not_a_request"] += 1
            return
        told["counted"] += 1
        told["requests"][f"{verb} {code}"] = told["requests"].get(f"{verb} {code}", 0) + 1

    def told(self):
        arn = f"arn:aws:logs:{self.region}:{ACCOUNT}:log-group:{self.name}"
        return {"logGroupName": self.name, "arn": arn + ":*", "logGroupArn": arn, "logGroupClass": self.kind,
                "storedBytes": 1, "retentionInDays": 30, "creationTime": int(1000 * self.born)}


groups = [Group(f"/aws/eks/c{n:03}/cluster", n) for n in range(options["groups"])]
groups += [Group(f"/aws/eks/late{n}/cluster", 10_000 + n, born=options["seconds"] / 3 + n)
           for n in range(options["late_groups"])]
unread = [Group("/aws/eks/c000/application", 20_001)]
if options["seldom"]:
    unread.append(Group("/aws/eks/seldom/cluster", 20_000, kind="INFREQUENT_ACCESS"))
by_name = {group.name: group for group in groups + unread}


class Fault(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def luck(name, share):
    """Whether this fault happens now."""
    if calm or chance.random() >= share * options["share"]:
        return False
    facts["faults"][name] = facts["faults"].get(name, 0) + 1
    return True


def list_groups(asked):
    facts["listings"] += 1
    found = sorted((group for group in by_name.values()
                    if group.born <= time.time() and group.name.startswith(asked.get("logGroupNamePrefix", ""))),
                   key=lambda group: group.name)
    size = min(asked.get("limit", 50), 50)
    first = int(asked.get("nextToken", "0"))
    answer = {"logGroups": [group.told() for group in found[first:first + size]]}
    for group in found[first:first + size]:
        group.found = group.found or time.time()
    if first + size < len(found):
        answer["nextToken"] = str(first + size)
    return json.dumps(answer)


def filter_events(asked):
    facts["pages"] += 1
    group = by_name.get(asked["logGroupName"])
    if not group or group.born > time.time():
        raise Fault(400, "ResourceNotFoundException", "The specified log group does not exist.")
    if group in unread:
        facts["violations"].append(f"{group.name} was asked for events")
    fixed = [asked["logGroupName"], asked["startTime"], asked["endTime"], asked.get("logStreamNamePrefix")]
    place, repeated = [-1, 0, ""], []
    if "nextToken" in asked:
        token = json.loads(base64.b64decode(asked["nextToken"]))
        if token["fixed"] != fixed:
            facts["violations"].append(f"a token of {token['fixed']} with {fixed}")
        if token["expired"]:
            raise Fault(400, "InvalidParameterException", "The specified nextToken is invalid.")
        place = token["place"]
        repeated = [token["last"]] if token["last"] is not None and luck("repeated events", 0.2) else []
    now, prefix = int(time.time() * 1000), asked.get("logStreamNamePrefix", "")
    first = bisect.bisect_left(group.stamps, max(asked["startTime"], place[0]))
    last = bisect.bisect_right(group.stamps, asked["endTime"])
    found = [at for at in range(first, last)
             if group.events[at][1] <= now and group.events[at][3].startswith(prefix)
             and list(group.events[at][:3]) > place]
    size = 10_000 if calm else chance.choice([5, 50, 200, 10_000])
    shown = [] if luck("empty pages", 0.1) else found[:size]
    answer = {"events": [
        {"logStreamName": stream, "timestamp": stamp, "message": message, "ingestionTime": taken, "eventId": name}
        for stamp, taken, name, stream, message in (group.events[at] for at in repeated + shown)],
        "searchedLogStreams": []}
    if len(shown) < len(found) or luck("needless tokens", 0.1):
        token = {"fixed": fixed, "place": list(group.events[shown[-1]][:3]) if shown else place,
                 "last": shown[-1] if shown else None, "expired": luck("expired tokens", 0.03), "salt": chance.random()}
        answer["nextToken"] = base64.b64encode(json.dumps(token).encode()).decode()
    if "nextToken" not in answer:
        facts["calls"][group.name] = facts["calls"].get(group.name, 0) + 1
    return json.dumps(answer)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one piece: no waiting for acknowledgements.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/x-amz-json-1.1", whole=True):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if whole else body[:len(body) // 2])
        self.close_connection = not whole

    def do_GET(self):
        with lock:
            told = facts | {
                "is_over": time.time() * 1000 > max(group.until for group in groups),
                "expected": {group.cluster: group.expected for group in groups},
                "discovery_seconds": [group.found and round(group.found - group.born, 2) for group in groups],
                "running_seconds": time.time() - started}
        self.answer(200, json.dumps(told))

    def do_POST(self):
        global calm
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with lock:
            if self.path == "/calm":
                calm = True
                return self.answer(200, "{}")
            try:
                target = self.headers.get("X-Amz-Target", "")
                signer, region = self.signer(body)
                if not target:
                    return self.answer(200, self.role(dict(urllib.parse.parse_qsl(body.decode())), signer), "text/xml")
                operation = target.removeprefix("Logs_20140328.")
                self.note("logs:" + operation, signer)
                if region in options["denied_regions"]:
                    raise Fault(400, "AccessDeniedException", f"User: {signer} is not authorized to perform: logs:{operation}")
                self.misfortune()
                whole = not luck("cut answers", 0.02)
                answer = {"FilterLogEvents": filter_events, "DescribeLogGroups": list_groups}[operation](json.loads(body))
            except Fault as fault:
                return self.answer(fault.status, json.dumps({"__type": fault.code, "message": fault.message}))
        self.answer(200, answer, whole=whole)

    def note(self, action, signer):
        if action not in facts["actions"]:
            facts["actions"].append(action)
        if signer not in facts["signers"]:
            facts["signers"].append(signer)

    def misfortune(self):
        if luck("throttled", 0.02):
            raise Fault(400, "ThrottlingException", "Rate exceeded")
        if luck("too many requests", 0.01):
            raise Fault(429, "TooManyRequestsException", "Rate exceeded")
        if luck("unavailable", 0.02):
            raise Fault(503, "ServiceUnavailableException", "try again")
        if luck("failed", 0.01):
            raise Fault(500, "InternalFailure", "")
        if luck("expired credentials", 0.01):
            raise Fault(400, "ExpiredTokenException", "The security token included in the request is expired")

    def role(self, form, signer):
        self.note("sts:" + form.get("Action", ""), signer)
        if form.get("ExternalId") != "shared-word":
            raise Fault(403, "AccessDenied", "the trust policy wants an external ID")
        name = f"ASIAROLE{len(keys)}"
        keys[name] = (f"secret of {name}", f"token of {name}")
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        return (f"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{name}</AccessKeyId>"
                f"<SecretAccessKey>{keys[name][0]}</SecretAccessKey><SessionToken>{keys[name][1]}</SessionToken>"
                f"<Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>")

    def signer(self, body):
        """Who signed this request, for which region."""
        match = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), "
            r"Signature=([0-9a-f]{64})", self.headers.get("Authorization", ""))
        if not match or match[1] not in keys:
            facts["violations"].append("a request without a known signature")
            raise Fault(400, "UnrecognizedClientException", "The security token included in the request is invalid.")
        name, _, region, service, signed, signature = match.groups()
        secret, token = keys[name]
        request = AWSRequest(self.command, f"https://{self.headers['Host']}{self.path}", data=body)
        for header in signed.split(";"):
            request.headers.add_header(header, self.headers[header])
        request.context["timestamp"] = self.headers.get("X-Amz-Date", "")
        auth = SigV4Auth(Credentials(name, secret, token), service, region)
        right = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        if right != signature or (token and "x-amz-security-token" not in signed.split(";")):
            facts["violations"].append("a wrong signature")
            raise Fault(400, "InvalidSignatureException", "The request signature we calculated does not match")
        return name, region


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # whoever is killed leaves broken connections


server = Server(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, private_key)
# The handshake is the handler's: a client that is killed in it must not stop the others.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
