#!/usr/bin/env python3
"""STS, the metadata of containers and instances, and a service that asks for signatures, for the tests of Sources/AWS.

Prints its port, then serves until it is killed. Signatures are checked with botocore. Behaviour is asked for in what the
requests carry: the name of a role, the word `act` of a JSON body. `GET /log` tells what was asked, one line each.

  aws_server.py [--clock-ahead SECONDS]    whose clock the signatures are held to
"""
import email.utils
import json
import re
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ahead = int(sys.argv[2]) if len(sys.argv) > 2 else 0
# Long-lived keys, and those that were handed out: secret, token, the second in which they run out.
keys = {"AKIDLONG": ("long-secret", None, None)}
handed = 0
asked = []
tries = {}
lock = threading.Lock()


def hand_out(kind, seconds):
    global handed
    handed += 1
    number = handed
    name, secret, token = f"ASIA{kind.upper()}{number}", f"secret/{number}+", f"token=={kind}/{number}+"
    keys[name] = (secret, token, time.time() + seconds)
    return name, secret, token, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(time.time() + ahead, usegmt=True)

    def answer(self, status, body, kind="application/x-amz-json-1.1", headers=()):
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/log":
            return self.answer(200, asked)
        with lock:
            path = self.path.partition("?")[0]
            if path.startswith("/latest/"):
                self.instance(path)
            elif path.startswith("/container"):
                self.container(path)
            elif "X-Amz-Target" in self.headers:
                self.service(body)
            elif self.command == "POST":
                self.sts(dict(urllib.parse.parse_qsl(body.decode())), body)
            else:
                self.rest(body)

    do_GET = do_POST = do_PUT = handle_any

    def instance(self, path):
        asked.append(f"{self.command} {path}")
        if self.command == "PUT":
            return self.answer(200, "metadata-token", "text/plain")
        if self.headers.get("X-aws-ec2-metadata-token") != "metadata-token":
            return self.answer(401, "", "text/plain")
        if path.endswith("/security-credentials/"):
            return self.answer(200, "node role\n", "text/plain")
        name, secret, token, end = hand_out("instance", 3600)
        told = {"Code": "Success", "AccessKeyId": name, "SecretAccessKey": secret, "Token": token, "Expiration": end}
        self.answer(200, told)

    def container(self, path):
        asked.append(f"container {path} {self.headers.get('Authorization')}")
        act = path.rpartition("/")[2]
        tries[act] = tries.get(act, 0) + 1
        if act == "flaky" and tries[act] < 3:
            return self.answer(503, {})
        if act == "denied":
            return self.answer(403, {"message": "no"})
        if act == "failed":
            return self.answer(200, {"Code": "Failed", "Message": "no role"})
        if act == "nonsense":
            return self.answer(200, "<html>")
        name, secret, token, end = hand_out("container", 6 * 3600)
        told = {"AccessKeyId": name, "SecretAccessKey": secret, "Token": token, "Expiration": end, "AccountId": "1"}
        self.answer(200, told)

    def sts(self, form, body):
        action, role = form.get("Action", ""), form.get("RoleArn", "")
        text = f"{action} {role} {form.get('ExternalId')} {form.get('DurationSeconds')} {form.get('RoleSessionName')}"
        signer = None
        if action == "AssumeRole":
            signer, fault = self.signer(body)
            if fault:
                return self.sts_fault(403, *fault)
        asked.append(f"{text} by {signer} {form.get('WebIdentityToken', '')}".strip())
        tries[role] = tries.get(role, 0) + 1
        if role.endswith("denied"):
            return self.sts_fault(403, "AccessDenied", f"not authorized to perform: sts:{action} &amp; more")
        if role.endswith("flaky") and tries[role] == 1:
            return self.sts_fault(400, "IDPCommunicationError", "try again")
        if role.endswith("other-account") and form.get("ExternalId") != "shared word":
            return self.sts_fault(403, "AccessDenied", "the trust policy wants an external ID")
        seconds = 960 if role.endswith("short") else int(form.get("DurationSeconds", 3600))
        name, secret, token, end = hand_out("role", seconds)
        self.answer(200, f"""<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <{action}Result>
    <AssumedRoleUser><Arn>{role}/x</Arn></AssumedRoleUser>
    <Credentials>
      <AccessKeyId>{name}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>
      <SessionToken>{token}</SessionToken><Expiration>{end}</Expiration>
    </Credentials>
  </{action}Result>
  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</{action}Response>""", "text/xml")

    def sts_fault(self, status, code, message):
        self.answer(status, f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
                    f"<Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>", "text/xml")

    def service(self, body):
        told = json.loads(body)
        act, name = told.get("act", ""), self.headers["X-Amz-Target"]
        tries[act] = tries.get(act, 0) + 1
        signer, fault = self.signer(body)
        asked.append(f"{name} {act} by {signer}")
        if not fault and act == "expire" and tries[act] == 1:
            keys.pop(signer)
            fault = ("ExpiredTokenException", "The security token included in the request is expired")
        if fault:
            return self.answer(400, {"__type": f"com.amazon.coral.service#{fault[0]}:", "message": fault[1]})
        if act == "throttle" and tries[act] < 3:
            return self.answer(400, {"__type": "ThrottlingException", "message": "Rate exceeded"})
        if act == "missing":
            return self.answer(400, {"__type": "ResourceNotFoundException", "message": "no such group \u001b[31m"})
        if act == "broken" and tries[act] < 2:
            return self.answer(500, "<html>", "text/html")
        if act == "nonsense":
            return self.answer(200, '{"events": [')
        self.answer(200, {"signer": signer, "events": []})

    def rest(self, body):
        signer, fault = self.signer(body)
        asked.append(f"GET {self.path} by {signer}")
        if fault:
            return self.answer(403, {"message": fault[1]}, headers=[("x-amzn-errortype", fault[0] + ":http://x")])
        self.answer(200, {"signer": signer})

    def signer(self, body):
        """Who signed this request, and what is wrong with it."""
        match = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), "
            r"Signature=([0-9a-f]{64})", self.headers.get("Authorization", ""))
        if not match:
            return None, ("MissingAuthenticationToken", "no signature")
        name, day, region, service, signed, signature = match.groups()
        if name not in keys:
            return name, ("UnrecognizedClientException", "The security token included in the request is invalid.")
        secret, token, end = keys[name]
        request = AWSRequest(self.command, f"http://{self.headers['Host']}{self.path}", data=body)
        for header in signed.split(";"):
            for value in self.headers.get_all(header) or []:
                request.headers.add_header(header, value)
        moment = self.headers.get("X-Amz-Date", "")
        request.context["timestamp"] = moment
        auth = SigV4Auth(Credentials(name, secret, token), service, region)
        canonical = auth.canonical_request(request)
        right = auth.signature(auth.string_to_sign(request, canonical), request)
        wanted = {"host", "x-amz-date"} | ({"x-amz-security-token"} if token else set())
        if right != signature or not wanted <= set(signed.split(";")) or not moment.startswith(day):
            return name, ("SignatureDoesNotMatch", "The Canonical String should have been\n" + canonical)
        if token and self.headers.get("X-Amz-Security-Token") != token:
            return name, ("UnrecognizedClientException", "another token")
        if end and end < time.time():
            return name, ("ExpiredTokenException", "expired")
        seconds = time.mktime(time.strptime(moment, "%Y%m%dT%H%M%SZ")) - time.timezone
        if abs(seconds - time.time() - ahead) > 300:
            return name, ("InvalidSignatureException", f"Signature expired: {moment} is now earlier than … token {token}")
        return name, None


class Server(ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
