#!/usr/bin/env python3
"""Writes the dashboards, or says which of them is not what its source makes.

  build.py            writes dashboards/*.json
  build.py --check    exits 1 if one of them is stale, missing, or nobody's
"""
import json
import sys

import changes
import denied
import detections
import errors
import exporter
import fleet
import overview
from grafana import ROOT

FILES = {
    "overview.json": overview.DASHBOARD,
    "denied-requests.json": denied.DASHBOARD,
    "detections.json": detections.DASHBOARD,
    "rbac-and-sensitive-changes.json": changes.DASHBOARD,
    "api-errors.json": errors.DASHBOARD,
    "exporter-and-feeds.json": exporter.DASHBOARD,
    "fleet.json": fleet.DASHBOARD,
}


def main():
    folder = ROOT / "dashboards"
    stale = {path.name for path in folder.glob("*.json")} - FILES.keys()
    for name, dashboard in FILES.items():
        text = json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.add(name)
            if "--check" not in sys.argv[1:]:
                path.write_text(text, encoding="utf-8")
    if "--check" in sys.argv[1:] and stale:
        sys.exit(f"stale: {', '.join(sorted(stale))}. Run `make dashboards` and commit what it writes.")


if __name__ == "__main__":
    main()
