#!/usr/bin/env python3
"""moto's Kinesis with a stream of two shards, split while it is written. Prints its port, then serves until it is killed.

  moto_kinesis.py < EVENTS    an event a line; every tenth record is an envelope of CloudWatch Logs with ten of them
"""
import gzip
import json
import sys

import moto_server

lines = sys.stdin.read().splitlines()
port, kinesis = moto_server.start("kinesis")
kinesis.create_stream(StreamName="audit", ShardCount=2)
for at in range(0, len(lines), 10):
    if at == len(lines) // 20 * 10:
        first = kinesis.list_shards(StreamName="audit")["Shards"][0]
        middle = (int(first["HashKeyRange"]["StartingHashKey"]) + int(first["HashKeyRange"]["EndingHashKey"])) // 2
        kinesis.split_shard(StreamName="audit", ShardToSplit=first["ShardId"], NewStartingHashKey=str(middle))
    envelope = {"messageType": "DATA_MESSAGE", "logGroup": "/aws/eks/one/cluster", "logEvents": [
        {"id": str(number), "timestamp": 0, "message": line} for number, line in enumerate(lines[at:at + 10])]}
    kinesis.put_record(StreamName="audit", Data=gzip.compress(json.dumps(envelope).encode()), PartitionKey=str(at))
moto_server.serve(port)
