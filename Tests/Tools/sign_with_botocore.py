#!/usr/bin/env python3
"""Signs requests with botocore, for Tests/AWSTests: one JSON object a line in, one Authorization header a line out."""
import datetime
import json
import sys

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

for line in sys.stdin:
    told = json.loads(line)
    moment = datetime.datetime.fromtimestamp(told["time"], datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_, **__: moment
    request = AWSRequest(told["method"], told["url"], data=told["body"].encode("latin-1"))
    for name, value in told["headers"]:
        request.headers[name] = value
    keys = Credentials(told["id"], told["key"], told.get("token"))
    botocore.auth.SigV4Auth(keys, told["service"], told["region"]).add_auth(request)
    print(json.dumps([request.headers["Authorization"], request.headers["X-Amz-Date"]]))
