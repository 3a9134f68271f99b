#!/usr/bin/env python3
"""moto's CloudWatch Logs with a few groups in it, for Tests/AWSTests. Prints its port, then serves until it is killed."""
import time

import moto_server

port, logs = moto_server.start("logs")
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
moto_server.serve(port, now)
