#!/usr/bin/env python3
"""The manual page of the program, from what the program says of its own flags.

    kube-audit-exporter --experimental-dump-help | scripts/man-page.py VERSION DATE >kube-audit-exporter.1
"""

import json
import sys

NAME = "kube-audit-exporter"
FILES = [
    ("/etc/kube-audit-exporter/config.yaml", "The configuration of the service. SIGHUP has it read again."),
    ("/var/lib/kube-audit-exporter", "The state of the service: counts, windows and positions."),
    ("/usr/share/kube-audit-exporter", "Alerting rules with their runbooks, and dashboards."),
    ("/usr/share/doc/kube-audit-exporter", "Every setting, every metric, security and reliability."),
]
EXITS = [
    ("0", "Done; also after SIGTERM, when everything that was taken has been counted and committed."),
    ("1", "The configuration is wrong, or the work failed."),
    ("2", "The command line is wrong."),
]


def text(words):
    """Words as roff: hyphens that are meant, no line that begins like a request."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-").replace("`", "")
    return "\n".join(("\\&" if line.startswith((".", "'")) else "") + line for line in escaped.splitlines())


def flag(argument):
    """A flag or an argument in bold, with its value in italics."""
    value = f" \\fI{text(argument['valueName'])}\\fR" if argument["kind"] == "option" else ""
    if argument["kind"] == "positional":
        return f"\\fI{text(argument['valueName'])}\\fR" + ("..." if argument["isRepeating"] else "")
    names = ["-" + name["name"] if name["kind"] == "short" else "--" + name["name"] for name in argument["names"]]
    return ", ".join(f"\\fB{text(name)}\\fR" for name in names) + value


def arguments(command):
    for argument in command["arguments"]:
        names = {name["name"] for name in argument.get("names", [])}
        is_opposite = all(name.startswith("no-") for name in names) and names
        if argument["shouldDisplay"] and not is_opposite and not names & {"help", "version"}:
            yield argument


def section(title, entries):
    yield f".SH {title}"
    for name, words in entries:
        yield from (".TP", name, text(words))


def command_section(command):
    yield f".SS {text(command['commandName'])}"
    yield text(command["abstract"])
    for paragraph in command.get("discussion", "").split("\n\n"):
        is_example = paragraph.startswith("  ")
        yield from [".PP", ".nf", text(paragraph), ".fi"] if is_example else [".PP", text(paragraph)]
    for argument in arguments(command):
        yield from (".TP", flag(argument), text(argument["abstract"]))


def page(root, version, date):
    commands = [command for command in root["subcommands"] if command["shouldDisplay"] and command["commandName"] != "help"]
    yield f'.TH {NAME.upper()} 1 "{date}" "{NAME} {version}" "User Commands"'
    yield from (".SH NAME", f"{text(NAME)} \\- {text(root['abstract'][0].lower() + root['abstract'][1:].rstrip('.'))}")
    yield ".SH SYNOPSIS"
    for command in commands:
        last = [flag(argument) for argument in arguments(command) if argument["kind"] == "positional"]
        words = [f"\\fB{text(NAME)} {text(command['commandName'])}\\fR", "[\\fIflags\\fR]", *last]
        yield from (" ".join(words), ".br")
    yield from (".SH DESCRIPTION", text(root["discussion"]))
    yield from (".PP", "A flag and its value are parted by a space or by =. Booleans have an opposite, \\fB\\-\\-no\\-...\\fR.")
    yield ".SH COMMANDS"
    for command in commands:
        yield from command_section(command)
    yield from section("SIGNALS", [
        ("SIGHUP", "Reads the configuration, the web configuration files and the certificates again."),
        ("SIGTERM, SIGINT", "Stops: what was taken is counted, committed and answered first.")])
    yield from section("FILES", FILES)
    yield from section("EXIT STATUS", EXITS)
    yield from (".SH SEE ALSO", "\\fBprometheus\\fR(1), \\fBprometheus\\-alertmanager\\fR(1)")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print("\n".join(page(json.load(sys.stdin)["command"], sys.argv[1], sys.argv[2])))


main()
