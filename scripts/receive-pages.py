#!/usr/bin/env python3
"""Takes what Alertmanager's webhook_config sends, and prints it as it arrives.

  receive-pages.py PORT           for people: one block for each alert
  receive-pages.py PORT --json    for programs: one line of JSON for each notification, with its arrival
    --graph URL                   where Prometheus draws graphs, when that is not where it says: Debian's has no /graph

It listens on 127.0.0.1 until it is stopped. The format is version "4" of
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config.
"""

import argparse
import http.server
import json
import time

BODY_BYTES_LIMIT = 8 << 20


def printable(text):
    """One line of text without anything that a terminal would obey: names in alerts come from clients."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def block(alert, graph):
    """An alert as a person reads it: links where somebody was woken, nothing of what is there to be heard by machines."""
    labels, annotations = alert["labels"], alert["annotations"]
    severity, firing = labels.get("severity", "alert"), alert["status"] == "firing"
    if severity == "none":
        return ""
    lines = [
        f"{time.strftime('%T')}  {severity.upper():<6}  {labels.get('alertname')}{'' if firing else ' is over'}",
        annotations.get("description") or annotations.get("summary") or labels,
    ]
    if firing and severity == "page":
        lines += [annotations["runbook_url"]] if "runbook_url" in annotations else []
        url = alert.get("generatorURL", "")
        lines += [f"{graph}?{url.partition('?')[2]}" if graph else url] if url else []
    return "\n          ".join(map(printable, lines)) + "\n"


class Receiver(http.server.BaseHTTPRequestHandler):
    """Answers every notification with 200, so that Alertmanager sends each once."""

    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        arrival = time.time()
        size = int(self.headers.get("Content-Length") or 0)
        if not 0 < size <= BODY_BYTES_LIMIT:
            return self.answer(400)
        try:
            notification = json.loads(self.rfile.read(size))
            if options.json:
                text = json.dumps({"arrival": arrival, "path": self.path, "body": notification}) + "\n"
            else:
                text = "".join(block(alert, options.graph) for alert in notification["alerts"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.log_error("no notification of Alertmanager: %r", error)
            return self.answer(400)
        print(text, end="", flush=True)
        return self.answer(200)

    def answer(self, code):
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, *_):
        """Says nothing of its own."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--graph", default="")
    options = parser.parse_args()
    try:
        http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Receiver).serve_forever()
    except OSError as error:
        raise SystemExit(f"receive-pages: cannot listen on 127.0.0.1:{options.port}: {error.strerror}") from error
    except KeyboardInterrupt:
        pass
