#!/usr/bin/env python3
"""Amazon Data Firehose as it delivers to an HTTP endpoint, over TLS, for the end-to-end tests: several delivery streams, gzip or
not, records good and bad, each request repeated under its ID until it is answered as the documentation demands. Some answers
are lost on their way, and some requests are sent once more though they were answered. The waits are shortened.

Answers are held against the documentation: what is wrong with one stands in "violations". Prints what must be counted, as JSON,
when all is delivered; "again" on standard input sends everything once more, and prints how much was answered 200.

  firehose_sender.py PORT AUTHORITY '{"key": "…", "streams": 3, "requests": 20, "seed": 0, …}'
"""
import base64
import gzip
import http.client
import json
import random
import ssl
import sys
import threading
import time
import uuid

from subscription_records import Records, added

port, authority = int(sys.argv[1]), sys.argv[2]
options = {"streams": 3, "requests": 20, "records": 12, "seed": 0, "pause": 0.1, "lost": 0.1, "twice": 0.1,
           "attributes": {"k8s_cluster": "attributed"}} | json.loads(sys.argv[3])
context = ssl.create_default_context(cafile=authority)
violations, counts = [], {"requests": 0, "attempts": 0, "lost_answers": 0, "sent_twice": 0}
lock = threading.Lock()
done = []


class Stream(threading.Thread):
    def __init__(self, number):
        super().__init__()
        self.dice = random.Random(f"{options['seed']} stream {number}")
        self.records = Records(f"{options['seed']}-{number}", ["prod", "test"], "attributed")
        self.connection, self.arn = None, f"arn:aws:firehose:eu-west-1:123456789012:deliverystream/audit-{number}"
        # A number of its own for each run: the IDs of Firehose are GUIDs.
        self.compresses = number % 2 == 0

    def run(self):
        for _ in range(options["requests"]):
            time.sleep(self.dice.uniform(0, options["pause"]))
            name = str(uuid.UUID(int=self.dice.getrandbits(128)))
            texts = [base64.b64encode(self.records.record()).decode() for _ in range(self.dice.randrange(1, options["records"]))]
            if self.dice.random() < 0.1:
                texts.append("no base64!")
                self.records.count("rejected")
            body = json.dumps({"requestId": name, "timestamp": int(time.time() * 1000),
                               "records": [{"data": text} for text in texts]}).encode()
            if self.compresses:
                body = gzip.compress(body, 1)
            self.deliver(name, body)
            with lock:
                counts["requests"] += 1
                done.append((self, name, body))

    def deliver(self, name, body):
        wait = 0.02
        while True:
            with lock:
                counts["attempts"] += 1
            if self.attempt(name, body, self.dice.random() < options["lost"]):
                if self.dice.random() >= options["twice"]:
                    return
                with lock:
                    counts["sent_twice"] += 1
            time.sleep(wait * self.dice.uniform(1, 1.15))
            wait = min(0.5, wait * 2)

    def attempt(self, name, body, isLost=False):
        """One attempt; whether it was answered as it should be."""
        try:
            self.connection = self.connection or http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
            headers = {
                "Content-Type": "application/json", "User-Agent": "Amazon Kinesis Data Firehose Agent/1.0",
                "X-Amz-Firehose-Protocol-Version": "1.0", "X-Amz-Firehose-Request-Id": name,
                "X-Amz-Firehose-Source-Arn": self.arn, "X-Amz-Firehose-Access-Key": options["key"],
                "X-Amz-Firehose-Common-Attributes": json.dumps({"commonAttributes": options["attributes"]})}
            if self.compresses:
                headers["Content-Encoding"] = "gzip"
            self.connection.request("POST", "/firehose", body, headers)
            if isLost:
                time.sleep(self.dice.choice([0, 0.005, 0.05]))
                with lock:
                    counts["lost_answers"] += 1
                raise ConnectionError("the answer is lost")
            answer = self.connection.getresponse()
            return self.judge(name, answer, answer.read())
        except (OSError, http.client.HTTPException):
            if self.connection:
                self.connection.close()
            self.connection = None
            return False

    def judge(self, name, answer, text):
        """Whether the answer is a success, by the documentation; others are repeated, so that nothing but 413 loses records."""
        wrong = []
        try:
            body = json.loads(text)
        except ValueError:
            body, wrong = {}, ["no JSON"]
        if body.get("requestId") != name:
            wrong.append("another request ID")
        if abs(body.get("timestamp", 0) - time.time() * 1000) > 60_000:
            wrong.append("no time")
        if answer.getheader("Content-Type") != "application/json":
            wrong.append(f"type {answer.getheader('Content-Type')}")
        if answer.getheader("Content-Length") != str(len(text)):
            wrong.append("no length")
        if answer.getheader("Content-Encoding"):
            wrong.append("an encoding")
        if answer.status not in (200, 503) or (answer.status == 200) == ("errorMessage" in body):
            wrong.append(f"{answer.status} {text[:200]}")
        if wrong:
            with lock:
                violations.append(", ".join(wrong))
        return answer.status == 200


streams = [Stream(number) for number in range(options["streams"])]
for stream in streams:
    stream.start()
for stream in streams:
    stream.join()
print(json.dumps(counts | {"violations": violations, "expected": added(stream.records.expected for stream in streams)}), flush=True)
for line in sys.stdin:
    accepted = sum(stream.attempt(name, body) or stream.attempt(name, body) for stream, name, body in done)
    print(json.dumps({"accepted": accepted, "violations": violations}), flush=True)
