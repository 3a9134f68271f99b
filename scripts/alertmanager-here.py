#!/usr/bin/env python3
"""Prints alerts/alertmanager.example.yml as a configuration for this machine: the same routes and inhibitions, but every
receiver is a path of one address, named as the receiver, and alerts are gathered for a second and not for longer.

  scripts/alertmanager-here.py http://127.0.0.1:10406
"""

import json
import pathlib
import sys

import yaml

EXAMPLE = pathlib.Path(__file__).parent.parent / "alerts" / "alertmanager.example.yml"


def hasten(route):
    """Sends at once what the route gathers. Routes inherit, so only what is set need be changed."""
    for key in ("group_wait", "group_interval"):
        if key in route:
            route[key] = "1s"
    for child in route.get("routes", []):
        hasten(child)


def here(configuration, address):
    """The configuration with its receivers at this address."""
    for receiver in configuration["receivers"]:
        # One that tells nobody still does.
        if len(receiver) > 1:
            name = receiver.pop("name")
            receiver.clear()
            receiver |= {"name": name, "webhook_configs": [{"url": f"{address}/{name}", "send_resolved": True}]}
    configuration["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    hasten(configuration["route"])
    return configuration


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    # JSON is YAML.
    print(json.dumps(here(yaml.safe_load(EXAMPLE.read_text()), sys.argv[1].rstrip("/")), indent=2))
