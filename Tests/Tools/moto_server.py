"""moto on a port of its own, in this process, for the scripts beside it."""
import time

import botocore.session
from moto.server import ThreadedMotoServer


def start(service):
    """Starts it. Its port, and a client of one of its services."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return port, botocore.session.get_session().create_client(
        service, region_name="eu-west-1", endpoint_url=f"http://{host}:{port}", aws_access_key_id="a",
        aws_secret_access_key="b")


def serve(*said):
    """Says on one line what whoever started this waits for, then serves until it is killed."""
    print(*said, flush=True)
    while True:
        time.sleep(60)
