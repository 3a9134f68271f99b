#!/usr/bin/env python3
"""Kinesis Data Streams as it behaves on bad days, over TLS, for the end-to-end tests. Signatures are checked with botocore.

Shards are split and merged while they are read; iterators expire; pages are short, or empty though there is more; calls are
throttled, fail, are cut off; records are joined as Amazon's producer library does. Whoever reads a child before its parents,
more than five times a second, or with an iterator that was used up, is told in "violations". What must be counted in the end,
and what was asked, is told at GET /facts; POST /calm ends the faults, and forgets closed shards. Prints its port, then serves
until it is killed.

  kinesis_server.py CERTIFICATE KEY '{"seconds": 10, "shards": 2, "reshards": 4, "seed": 0, …}'
"""
import base64
import hashlib
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

from subscription_records import Records

certificate, private_key = sys.argv[1:3]
options = {"seconds": 10, "history": 30, "shards": 2, "reshards": 4, "rate": 20, "seed": 0, "faults": True, "share": 1.0,
           "denied": False} | json.loads(sys.argv[3])
keys = {"AKIDTEST": "secret/of+test"}
chance = random.Random(options["seed"])
lock = threading.Lock()
started = time.time()
facts = {"actions": [], "violations": [], "faults": {}, "pages": 0, "resharded": 0}
calm = not options["faults"]
forgotten = False


def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def joined(contents):
    """As awslabs/amazon-kinesis-producer, aggregation-format.md, has it."""
    message = field(1, b"key") + b"".join(field(3, b"\x08\x00" + field(3, content)) for content in contents)
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()


class Shard:
    def __init__(self, parents, born):
        self.id = f"shardId-{len(shards):012}"
        self.parents, self.born, self.closed = parents, born, None
        self.records, self.times, self.ended, self.calls, self.gone = [], [], False, [], False
        shards[self.id] = self

    def is_closed(self, now):
        return self.closed is not None and self.closed <= now

    def told(self, now):
        told = {"ShardId": self.id, "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "1"},
                "SequenceNumberRange": {"StartingSequenceNumber": "0"}}
        for name, parent in zip(("ParentShardId", "AdjacentParentShardId"), self.parents):
            told[name] = parent.id
        if self.is_closed(now):
            told["SequenceNumberRange"]["EndingSequenceNumber"] = "9" * 56
        return told


shards = {}
dice = random.Random(f"{options['seed']} stream")
maker = Records(f"k{options['seed']}", ["prod", "test"], "plain")
begin, end = started - options["history"], started + options["seconds"]
open_shards = [Shard([], begin) for _ in range(options["shards"])]
changes = sorted(dice.uniform(begin + 0.2 * (end - begin), end) for _ in range(options["reshards"]))
moment, sequence = begin, 10 ** 55
while moment < end:
    while changes and changes[0] <= moment:
        changes.pop(0)
        facts["resharded"] += 1
        split = len(open_shards) < 2 or (len(open_shards) < 6 and dice.random() < 0.5)
        parents = dice.sample(open_shards, 1 if split else 2)
        for parent in parents:
            parent.closed = moment
            open_shards.remove(parent)
        open_shards += [Shard(parents, moment) for _ in range(2 if split else 1)]
    shard = dice.choice(open_shards)
    content = maker.record()
    if dice.random() < 0.1:
        content = joined([content] + [maker.record() for _ in range(dice.randrange(3))])
    sequence += dice.randrange(1, 10 ** 9)
    shard.records.append((str(sequence), content))
    shard.times.append(moment)
    moment += dice.expovariate(options["rate"] if moment > started else options["rate"] * options["seconds"] / options["history"])


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


def listed(now):
    return [shard for shard in shards.values() if shard.born <= now and not (forgotten and shard.is_closed(now))]


def shard_named(name, now):
    shard = shards.get(name)
    if not shard or shard not in listed(now):
        raise Fault(400, "ResourceNotFoundException", f"Shard {name} in stream audit under account 123456789012 does not exist")
    return shard


def list_shards(asked):
    now = time.time()
    if "NextToken" in asked and ("StreamName" in asked or "StreamARN" in asked):
        raise Fault(400, "InvalidArgumentException", "NextToken and StreamName cannot be provided together.")
    if "NextToken" not in asked:
        named(asked)
    found, first = listed(now), int(asked.get("NextToken", 0))
    answer = {"Shards": [shard.told(now) for shard in found[first:first + 3]]}
    if first + 3 < len(found):
        answer["NextToken"] = str(first + 3)
    return answer


def named(asked):
    if asked.get("StreamName") != "audit" and asked.get("StreamARN") != "arn:aws:kinesis:eu-west-1:123456789012:stream/audit":
        raise Fault(400, "ResourceNotFoundException", "Stream x under account 123456789012 not found.")


def iterator(shard, at):
    return base64.b64encode(json.dumps(
        {"shard": shard.id, "at": at, "until": time.time() + 300, "salt": chance.random()}).encode()).decode()


def get_iterator(asked):
    named(asked)
    shard, kind = shard_named(asked["ShardId"], time.time()), asked["ShardIteratorType"]
    if kind == "TRIM_HORIZON":
        at = 0
    elif kind == "AT_TIMESTAMP":
        at = next((n for n, moment in enumerate(shard.times) if moment >= asked["Timestamp"]), len(shard.times))
    elif kind == "AFTER_SEQUENCE_NUMBER":
        numbers = [number for number, _ in shard.records]
        if asked["StartingSequenceNumber"] not in numbers:
            facts["violations"].append("a sequence number of another shard")
            raise Fault(400, "InvalidArgumentException", "StartingSequenceNumber is invalid because it did not come from this stream")
        at = numbers.index(asked["StartingSequenceNumber"]) + 1
    else:
        raise Fault(400, "InvalidArgumentException", kind)
    return {"ShardIterator": iterator(shard, at)}


def get_records(asked):
    facts["pages"] += 1
    now = time.time()
    place = json.loads(base64.b64decode(asked["ShardIterator"]))
    shard = shard_named(place["shard"], now)
    shard.calls = [call for call in shard.calls if call > now - 1] + [now]
    if len(shard.calls) > 5:
        facts["violations"].append(f"{len(shard.calls)} calls a second of {shard.id}")
    for parent in shard.parents:
        if not parent.ended and parent in listed(now):
            facts["violations"].append(f"{shard.id} is read before {parent.id}")
    if place["until"] < now or luck("expired iterators", 0.05):
        raise Fault(400, "ExpiredIteratorException", "Iterator expired.")
    if luck("throttled shards", 0.05):
        raise Fault(400, "ProvisionedThroughputExceededException", f"Rate exceeded for shard {shard.id}")
    there = sum(moment <= now for moment in shard.times)
    size = min(asked.get("Limit", 10_000), 10_000 if calm else chance.choice([1, 10, 10_000]))
    last = place["at"] if luck("empty pages", 0.1) else min(there, place["at"] + size)
    answer = {"Records": [
        {"SequenceNumber": number, "ApproximateArrivalTimestamp": moment, "PartitionKey": "key \u00e9",
         "Data": base64.b64encode(content).decode()}
        for (number, content), moment in zip(shard.records[place["at"]:last], shard.times[place["at"]:last])],
        "MillisBehindLatest": int(1000 * (now - shard.times[last])) if last < there else 0}
    if last == len(shard.records) and shard.is_closed(now):
        shard.ended = True
        answer["NextShardIterator"] = None
        answer["ChildShards"] = [{"ShardId": child.id, "ParentShards": [shard.id]} for child in shards.values() if shard in child.parents]
    else:
        answer["NextShardIterator"] = iterator(shard, last)
    return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one piece: no waiting for acknowledgements.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body, whole=True):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if whole else body[:len(body) // 2])
        self.close_connection = not whole

    def do_GET(self):
        with lock:
            told = facts | {"is_over": time.time() > end, "expected": maker.expected, "shards": len(shards)}
        self.answer(200, told)

    def do_POST(self):
        global calm, forgotten
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with lock:
            if self.path == "/calm":
                calm = forgotten = True
                return self.answer(200, {})
            try:
                self.check_signature(body)
                operation = self.headers.get("X-Amz-Target", "").removeprefix("Kinesis_20131202.")
                if "kinesis:" + operation not in facts["actions"]:
                    facts["actions"].append("kinesis:" + operation)
                if options["denied"]:
                    raise Fault(400, "AccessDeniedException", f"User: x is not authorized to perform: kinesis:{operation}")
                if luck("unavailable", 0.02):
                    raise Fault(503, "ServiceUnavailableException", "try again")
                if luck("failed", 0.01):
                    raise Fault(500, "InternalFailure", "")
                if luck("limit exceeded", 0.01):
                    raise Fault(400, "LimitExceededException", "Rate exceeded")
                if luck("expired credentials", 0.01):
                    raise Fault(400, "ExpiredTokenException", "The security token included in the request is expired")
                whole = not luck("cut answers", 0.03)
                answer = {"ListShards": list_shards, "GetShardIterator": get_iterator, "GetRecords": get_records}[operation](json.loads(body))
            except Fault as fault:
                return self.answer(fault.status, {"__type": fault.code, "message": fault.message})
        self.answer(200, answer, whole=whole)

    def check_signature(self, body):
        match = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), "
            r"Signature=([0-9a-f]{64})", self.headers.get("Authorization", ""))
        if not match or match[1] not in keys or match[4] != "kinesis":
            facts["violations"].append("a request without a known signature")
            raise Fault(400, "UnrecognizedClientException", "The security token included in the request is invalid.")
        name, _, region, service, signed, signature = match.groups()
        request = AWSRequest(self.command, f"https://{self.headers['Host']}{self.path}", data=body)
        for header in signed.split(";"):
            request.headers.add_header(header, self.headers[header])
        request.context["timestamp"] = self.headers.get("X-Amz-Date", "")
        auth = SigV4Auth(Credentials(name, keys[name]), service, region)
        if auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request) != signature:
            facts["violations"].append("a wrong signature")
            raise Fault(400, "InvalidSignatureException", "The request signature we calculated does not match")


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
