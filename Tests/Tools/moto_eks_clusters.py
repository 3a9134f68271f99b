#!/usr/bin/env python3
"""moto with clusters of EKS in it, some of them logging. Prints its port, then serves until it is killed."""
import botocore.session

import moto_server

port, eks = moto_server.start("eks")
TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]


def make(client, name, types):
    groups = [{"types": types, "enabled": True}] if types else []
    client.create_cluster(
        name=name, roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig={"subnetIds": ["subnet-1"]},
        **({"logging": {"clusterLogging": groups}} if groups else {}))


make(eks, "all", TYPES)
make(eks, "none", [])
other = botocore.session.get_session().create_client(
    "eks", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{port}", aws_access_key_id="a", aws_secret_access_key="b")
make(other, "far", TYPES)
moto_server.serve(port)
