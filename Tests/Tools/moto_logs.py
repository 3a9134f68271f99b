#!/usr/bin/env python3
"""moto's CloudWatch Logs with a few groups in it, for Tests/AWSTests. Prints its port, then serves until it is killed."""
import time

import botocore.session
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
logs = botocore.session.get_session().create_client(
    "logs", region_name="eu-west-1", endpoint_url=f"http://{host}:{port}", aws_access_key_id="a", aws_secret_access_key="b")
now = int(time.time() * 1000)
for number in range(60):
    logs.create_log_group(logGroupName=f"/aws/eks/cluster-{number:02}/cluster")
logs.create_log_group(logGroupName="/other")
group, stream = "/aws/eks/cluster-07/cluster", "kube-apiserver-audit-1"
logs.put_retention_policy(logGroupName=group, retentionInDays=30)
logs.create_log_stream(logGroupName=group, logStreamName=stream)
events = [{"timestamp": now - 25_000 + n, "message": '{"auditID":"%d \\" é"}' % n} for n in range(10_025)]
for start in range(0, len(events), 5_000):
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events[start:start + 5_000])
print(f"{port} {now}", flush=True)
while True:
    time.sleep(60)
