#!/usr/bin/env python3
"""Stands for a pager: prints each page that Alertmanager sends to http://127.0.0.1:19099/."""

import http.server
import json
import time


class Pager(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        page = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        for alert in page["alerts"]:
            notes = alert["annotations"]
            print(f"{time.strftime('%T')}  {alert['status'].upper()}: {alert['labels']['alertname']}", flush=True)
            print(f"  {notes['description']}\n  {notes['runbook_url']}", flush=True)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", 19099), Pager).serve_forever()
