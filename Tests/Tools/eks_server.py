#!/usr/bin/env python3
"""EKS (with STS, EC2 and CloudWatch Logs as far as it takes) as it behaves on bad days, for the end-to-end tests.

Clusters and faults are told as JSON; what was asked is told at GET /facts; a POST to /set changes what is told. Signatures
are checked with botocore. Prints its port, then serves until it is killed. Without a certificate it speaks plain HTTP.

  eks_server.py CERTIFICATE|- KEY|- '{"clusters": [{"name": "prod", "region": "eu-west-1", "on": ["audit"]}], …}'

Of a cluster: `on` and `off` are its groups, `logging` is told as it is instead, `status`, `connected`, `fault` (what
DescribeCluster answers), `retention` in days (null: for ever; absent: no log group), `class`. Besides: `regions` (that
EC2 lists), `off_regions` (that know no credentials), `region_faults` {region: fault}, `page` (clusters a page), `update`
(how an update goes: states, the last one stays), `update_fault`, `faults` {operation: fault}, `throttled` (every so-manieth
call is refused once).
"""
import json
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aws_signature

certificate, private_key = sys.argv[1:3]
TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
ACCOUNT = "123456789012"
FAULTS = {
    "denied": (403, "AccessDeniedException", "User: someone is not authorized to perform: it"),
    "throttled": (429, "TooManyRequestsException", "Rate exceeded"),
    "failed": (500, "ServerException", ""),
    "unknown_keys": (403, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "in_use": (409, "ResourceInUseException", "Cluster already has an update in progress"),
    "nothing": (400, "InvalidParameterException", "No changes needed for the logging config provided"),
    "gone": (404, "ResourceNotFoundException", "No cluster found"),
}
told = {"clusters": [], "regions": ["eu-west-1"], "off_regions": [], "region_faults": {}, "page": 100,
        "update": ["InProgress", "Successful"], "update_fault": None, "faults": {}, "throttled": 0} | json.loads(sys.argv[3])
keys = {"AKIDTEST": ("secret/of+test", None)}
lock = threading.Lock()
facts = {"actions": [], "calls": {}, "violations": [], "tokens": []}
updates = {}


class Fault(Exception):
    def __init__(self, name):
        super().__init__(name)
        self.status, self.code, self.message = FAULTS[name]


def cluster(name, region):
    for one in told["clusters"]:
        if one["name"] == name and one.get("region", "eu-west-1") == region:
            return one
    raise Fault("gone")


def described(one, region):
    answer = {"name": one["name"], "arn": f"arn:aws:eks:{region}:{ACCOUNT}:cluster/{one['name']}",
              "status": one.get("status", "ACTIVE"), "createdAt": 1700000000.123, "version": "1.31", "tags": {"a": "\u00e9\""}}
    if one.get("connected"):
        return answer | {"connectorConfig": {"provider": "OTHER"}}
    on = one.get("on", [])
    groups = [{"types": on, "enabled": True}, {"types": [type for type in TYPES if type not in on], "enabled": False}]
    return answer | {"logging": one.get("logging", {"clusterLogging": [group for group in groups if group["types"]]})}


def change(one, asked, region):
    if told["update_fault"]:
        raise Fault(told["update_fault"])
    wanted = [type for group in asked["logging"]["clusterLogging"] if group["enabled"] for type in group["types"]]
    if set(wanted) <= set(one.get("on", [])):
        raise Fault("nothing")
    facts["tokens"].append(asked.get("clientRequestToken"))
    name = f"update-{len(updates)}"
    updates[name] = {"states": list(told["update"]), "cluster": one, "types": wanted}
    return updating(name)


def updating(name):
    update = updates[name]
    state = update["states"].pop(0) if len(update["states"]) > 1 else update["states"][0]
    if state == "Successful":
        update["cluster"]["on"] = sorted(set(update["cluster"].get("on", [])) | set(update["types"]))
    errors = [{"errorCode": "AccessDenied", "errorMessage": "no log \u001b[31m group", "resourceIds": ["x"]}]
    return {"update": {"id": name, "status": state, "type": "LoggingUpdate",
                       "errors": errors if state in ("Failed", "Cancelled") else []}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json", **headers):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.handle_any(b"")

    def do_POST(self):
        self.handle_any(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def handle_any(self, body):
        with lock:
            if self.path == "/facts":
                return self.answer(200, facts)
            if self.path == "/set":
                told.update(json.loads(body))
                return self.answer(200, {})
            who = aws_signature.signer(self, body, keys)
            if not who:
                facts["violations"].append(f"{self.command} {self.path} is not signed as it should be")
                return self.answer(403, {"message": "no"}, **{"x-amzn-errortype": "InvalidSignatureException"})
            name, region, service = who
            try:
                {"eks": self.eks, "ec2": self.form, "sts": self.form, "logs": self.logs}[service](body, region, name)
            except Fault as fault:
                self.refuse(fault, service)

    def refuse(self, fault, service):
        if service == "ec2":
            return self.answer(fault.status, f"<Response><Errors><Error><Code>{fault.code}</Code><Message>{fault.message}"
                               "</Message></Error></Errors><RequestID>1</RequestID></Response>", "text/xml")
        if service == "sts":
            return self.answer(fault.status, f"<ErrorResponse><Error><Code>{fault.code}</Code></Error></ErrorResponse>",
                               "text/xml")
        self.answer(fault.status, {"__type": fault.code, "message": fault.message},
                    **{"x-amzn-errortype": fault.code + ":http://internal"})

    def note(self, action):
        """Counts a call, and refuses it if it is told to."""
        if action not in facts["actions"]:
            facts["actions"].append(action)
        facts["calls"][action] = count = facts["calls"].get(action, 0) + 1
        if told["throttled"] and count % told["throttled"] == 0:
            raise Fault("throttled")
        if fault := told["faults"].get(action.partition(":")[2]):
            raise Fault(fault)

    def eks(self, body, region, _):
        path, _, query = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        parts = [urllib.parse.unquote(part) for part in path.split("/")[1:]]
        operation = {(1, "GET"): "ListClusters", (2, "GET"): "DescribeCluster", (3, "POST"): "UpdateClusterConfig",
                     (4, "GET"): "DescribeUpdate"}[len(parts), self.command]
        self.note("eks:" + operation)
        if region in told["off_regions"]:
            raise Fault("unknown_keys")
        if fault := told["region_faults"].get(region):
            raise Fault(fault)
        if operation == "ListClusters":
            return self.answer(200, self.listed(region, query))
        if operation == "DescribeUpdate":
            return self.answer(200, updating(parts[3]))
        one = cluster(parts[1], region)
        if operation == "UpdateClusterConfig":
            return self.answer(200, change(one, json.loads(body), region))
        if fault := one.get("fault"):
            if fault == "nonsense":
                return self.answer(200, '{"cluster": {"name": ')
            raise Fault(fault)
        self.answer(200, {"cluster": described(one, region)})

    def listed(self, region, query):
        if query.get("include") != "all":
            facts["violations"].append("connected clusters were not asked for")
        names = [one["name"] for one in told["clusters"] if one.get("region", "eu-west-1") == region]
        first, size = int(query.get("nextToken", "0").strip("=/")), min(told["page"], int(query.get("maxResults", 100)))
        rest = first + size < len(names)
        return {"clusters": names[first:first + size], "nextToken": f"{first + size}=/" if rest else None}

    def form(self, body, region, signer):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        action = form["Action"]
        self.note({"DescribeRegions": "ec2:"}.get(action, "sts:") + action)
        if action == "DescribeRegions":
            items = "".join(f"<item><regionName>{name}</regionName><regionEndpoint>ec2.{name}.amazonaws.com</regionEndpoint>"
                            "<optInStatus>opt-in-not-required</optInStatus></item>" for name in told["regions"])
            return self.answer(200, '<?xml version="1.0" encoding="UTF-8"?>\n<DescribeRegionsResponse '
                               f'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><regionInfo>{items}'
                               "</regionInfo></DescribeRegionsResponse>", "text/xml;charset=UTF-8")
        if action == "GetCallerIdentity":
            return self.answer(200, "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/x</Arn>"
                               f"<UserId>{signer}</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult>"
                               "</GetCallerIdentityResponse>", "text/xml")
        if form.get("ExternalId") != "shared-word":
            raise Fault("denied")
        name = f"ASIAROLE{len(keys)}"
        keys[name] = (f"secret of {name}", f"token of {name}")
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        self.answer(200, f"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{name}</AccessKeyId>"
                    f"<SecretAccessKey>{keys[name][0]}</SecretAccessKey><SessionToken>{keys[name][1]}</SessionToken>"
                    f"<Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>", "text/xml")

    def logs(self, body, region, _):
        operation = self.headers["X-Amz-Target"].removeprefix("Logs_20140328.")
        self.note("logs:" + operation)
        groups = [{"logGroupName": f"/aws/eks/{one['name']}/cluster", "logGroupClass": one.get("class", "STANDARD"),
                   **({"retentionInDays": one["retention"]} if one["retention"] else {})}
                  for one in told["clusters"] if one.get("region", "eu-west-1") == region and "retention" in one]
        self.answer(200, {"logGroups": groups}, "application/x-amz-json-1.1")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # whoever is killed leaves broken connections


server = Server(("127.0.0.1", 0), Handler)
if certificate != "-":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private_key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
