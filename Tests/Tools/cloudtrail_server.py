#!/usr/bin/env python3
"""LookupEvents of CloudTrail as it behaves on bad days, over TLS, for the end-to-end tests. Signatures are checked with botocore.

Records come late and in no order, the newest first; pages are short or empty; calls are throttled, fail, are cut off. What
must be counted in the end, by the oracle of cloudtrail.py, is told at GET /facts. Prints its port, then serves until it is
killed.

  cloudtrail_server.py CERTIFICATE KEY '{"seconds": 8, "overlap": 10, "rate": 20, "seed": 0}'
"""
import json
import random
import re
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import cloudtrail

certificate, private_key = sys.argv[1:3]
options = {"seconds": 8, "overlap": 10, "rate": 20, "seed": 0} | json.loads(sys.argv[3])
KEY, SECRET = "AKIDTEST", "secret/of+test"
chance = random.Random(options["seed"])
lock = threading.Lock()
started = int(time.time())
facts = {"actions": [], "violations": [], "faults": {}, "whole": 0}


def make():
    """Everything that will ever be shown: when it happened, when it is shown, its ID and its record."""
    generator, count, events = cloudtrail.Generator(options["seed"]), cloudtrail.Count(), []
    generator.now = started
    while len(events) < options["seconds"] * options["rate"]:
        record = generator.record()
        if record.get("eventSource") != "eks.amazonaws.com" or not record.get("eventID") or not record.get("eventName"):
            continue
        at = started - 5 + chance.randrange(options["seconds"])
        record["eventTime"] = cloudtrail.stamp(at)
        text = json.dumps(record, indent=chance.choice([None, None, 1]))
        count.take(text)
        events.append((at, at + chance.uniform(0, options["overlap"] - 3), record["eventID"], text))
    return sorted(events, reverse=True), count


EVENTS, COUNT = make()


class Fault(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


def luck(name, share):
    """Whether this fault happens now."""
    if chance.random() >= share:
        return False
    facts["faults"][name] = facts["faults"].get(name, 0) + 1
    return True


def lookup(asked):
    if asked["LookupAttributes"] != [{"AttributeKey": "EventSource", "AttributeValue": "eks.amazonaws.com"}]:
        facts["violations"].append(f"asked for {asked['LookupAttributes']}")
    fixed = [asked["StartTime"], asked["EndTime"]]
    # What is shown between two pages is on neither: a token names the event that the last page ended with.
    after = None
    if "NextToken" in asked:
        token = json.loads(asked["NextToken"])
        if token["fixed"] != fixed:
            facts["violations"].append(f"a token of {token['fixed']} with {fixed}")
        after = token["after"]
    found = [event for event in EVENTS if fixed[0] <= event[0] <= fixed[1] and event[1] <= time.time()
             and (after is None or [event[0], event[2]] < after)]
    found.sort(key=lambda event: (event[0], event[2]), reverse=True)
    shown = [] if luck("empty pages", 0.1) else found[:min(asked["MaxResults"], chance.choice([3, 20, 50]))]
    answer = {"Events": [{"EventId": name, "EventTime": at, "EventName": "x", "CloudTrailEvent": text, "Resources": []}
                         for at, _, name, text in shown]}
    if len(shown) < len(found):
        last = [shown[-1][0], shown[-1][2]] if shown else after
        answer["NextToken"] = json.dumps({"fixed": fixed, "after": last, "salt": chance.random()})
    else:
        facts["whole"] += 1
    return json.dumps(answer)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body, whole=True):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if whole else body[:len(body) // 2])
        self.close_connection = not whole

    def do_GET(self):
        with lock:
            told = facts | {"is_over": time.time() > max(event[1] for event in EVENTS), "accounts": COUNT.accounts,
                            "series": [row for row in COUNT.series() if row[0].endswith("_total")]}
        self.answer(200, json.dumps(told))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with lock:
            try:
                self.check(body)
                operation = self.headers["X-Amz-Target"].removeprefix(
                    "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.")
                if "cloudtrail:" + operation not in facts["actions"]:
                    facts["actions"].append("cloudtrail:" + operation)
                for name, status, code in [("throttled", 400, "ThrottlingException"), ("failed", 500, "InternalFailure"),
                                           ("expired", 400, "ExpiredTokenException")]:
                    if luck(name, 0.03):
                        raise Fault(status, code)
                whole = not luck("cut answers", 0.03)
                answer = {"LookupEvents": lookup}[operation](json.loads(body))
            except Fault as fault:
                return self.answer(fault.status, json.dumps({"__type": fault.code, "message": "x"}))
        self.answer(200, answer, whole=whole)

    def check(self, body):
        """Refuses what is not signed as it must be."""
        match = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), "
            r"Signature=([0-9a-f]{64})", self.headers.get("Authorization", ""))
        if not match or match[1] != KEY or match[4] != "cloudtrail":
            facts["violations"].append("a request without a known signature")
            raise Fault(400, "UnrecognizedClientException")
        request = AWSRequest(self.command, f"https://{self.headers['Host']}{self.path}", data=body)
        for header in match[5].split(";"):
            request.headers.add_header(header, self.headers[header])
        request.context["timestamp"] = self.headers.get("X-Amz-Date", "")
        auth = SigV4Auth(Credentials(KEY, SECRET), match[4], match[3])
        if auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request) != match[6]:
            facts["violations"].append("a wrong signature")
            raise Fault(400, "InvalidSignatureException")


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # whoever is killed leaves broken connections


server = Server(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, private_key)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
