"""Reads the samples of a Prometheus text or OpenMetrics exposition."""
import re

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|(?=\}))')
_ESCAPE = re.compile(r"\\(.)")


def samples(text):
    """Yields (name, labels, value) for each sample line; a line that is none is a ValueError."""
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        name = _NAME.match(line)
        if name is None:
            raise ValueError("not a sample: %r" % line[:200])
        at, labels = name.end(), {}
        if line[at:at + 1] == "{":
            at += 1
            while line[at:at + 1] != "}":
                label = _LABEL.match(line, at)
                if label is None:
                    raise ValueError("labels unreadable: %r" % line[:200])
                labels[label[1]] = _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], label[2])
                at = label.end()
            at += 1
        yield name[0], labels, float(line[at:].split()[0])


def plain(value):
    """A label value as the event had it: the backslash that guards a leading bracket or backslash is taken off."""
    return value[1:] if value.startswith("\\") else value
