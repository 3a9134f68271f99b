#!/usr/bin/env python3
"""An HTTP server that misbehaves on purpose, for the tests of Sources/Transport.

Prints its port, then serves until it is killed. `--tls CERT KEY` speaks TLS. What a path does is in `Handler`. It is a proxy
too: a request for an absolute URL is answered with that URL.
"""
import gzip
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

connections = 0
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        global connections
        with lock:
            connections += 1
            self.number = connections
        super().setup()

    def log_message(self, *_):
        pass

    def answer(self, body=b"", status=200, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, query = self.path.partition("?")
        if path.startswith("http://"):
            return self.answer(b"proxied " + self.path.encode())
        handler = getattr(self, "do" + path.replace("/", "__"), None)
        if handler:
            handler(query)
        else:
            told = {"method": self.command, "path": self.path, "body": body.decode("latin-1"), "connection": self.number}
            told["headers"] = [[name.lower(), value] for name, value in self.headers.items()]
            self.answer(json.dumps(told).encode())

    do_GET = do_POST = do_PUT = handle_any

    def do__status(self, query):
        self.answer(b"no", int(query), [("Retry-After", "7"), ("X-Twice", "1"), ("X-Twice", " 2\t")])

    def do__body(self, query):
        self.answer(b"x" * int(query))

    def do__bomb(self, query):
        self.answer(gzip.compress(b"\0" * int(query)), 200, [("Content-Encoding", "gzip")])

    def do__head(self, query):
        self.answer(b"", 200, [(f"X-{n}", "y" * 1000) for n in range(int(query))])

    def do__silence(self, _):
        time.sleep(60)

    def do__drip(self, _):
        """One byte each tenth of a second: never silent, never done."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        for _ in range(600):
            self.wfile.write(b".")
            self.wfile.flush()
            time.sleep(0.1)

    def do__stall(self, _):
        """The head and half of a body, then nothing."""
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"12345")
        self.wfile.flush()
        time.sleep(60)

    def do__short(self, _):
        """Less than was promised."""
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"12345")
        self.close_connection = True

    def do__reset(self, _):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def do__nonsense(self, _):
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        self.close_connection = True

    def do__redirect(self, _):
        self.answer(b"", 302, [("Location", "/elsewhere")])


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that goes away is what some tests are about


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
