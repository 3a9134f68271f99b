#!/usr/bin/env python3
"""moto's CloudWatch Logs with the audit logs of three clusters in it. Prints its port, then serves until it is killed.

  moto_eks.py < EVENTS    an event a line, put into each cluster's log
"""
import sys
import time

import moto_server

lines = sys.stdin.read().splitlines()
port, logs = moto_server.start("logs")
now = int(time.time() * 1000)
for cluster in ("one", "two", "three"):
    group, stream = f"/aws/eks/{cluster}/cluster", "kube-apiserver-audit-0123456789abcdef"
    logs.create_log_group(logGroupName=group)
    # This one alone: moto does not heed the prefix of streams.
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[
        {"timestamp": now - 60_000 + n * 100, "message": line} for n, line in enumerate(lines)])
moto_server.serve(port)
