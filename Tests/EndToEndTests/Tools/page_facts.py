"""Says of an HTML page on standard input what it would load or run, and what text it shows. Prints JSON."""

import html.parser
import json
import sys


class Reader(html.parser.HTMLParser):
    VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.loads, self.runs, self.links, self.text, self.open, self.unbalanced = [], [], [], [], [], []
        self.unheard, self.ids, self.plot = [], [], None

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("script", "iframe", "object", "embed", "base"):
            self.runs.append(tag)
        self.listen(tag, dict(attributes))
        for name, value in attributes:
            if name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.runs.append(name)
            if name in ("src", "srcset", "poster", "data", "background") or (tag == "link" and name == "href"):
                if not (value or "").startswith("data:"):
                    self.loads.append(value)
            elif name == "href":
                self.links.append(value)
            if name == "style":
                self.styles(value or "")

    def listen(self, tag, attributes):
        """Notes what somebody who hears the page would miss."""
        if self.plot == "svg" and tag != "title":
            self.unheard.append("a plot without a title")
        self.plot = tag if tag == "svg" and attributes.get("role") == "img" else None
        if tag == "th" and "scope" not in attributes:
            self.unheard.append("a heading of a table without a scope")
        if tag == "svg" and "role" not in attributes and attributes.get("aria-hidden") != "true":
            self.unheard.append("a drawing that is neither hidden nor an image")
        if tag == "section" and "aria-labelledby" not in attributes:
            self.unheard.append("a section without a name")
        if "id" in attributes:
            if attributes["id"] in self.ids:
                self.unheard.append("two elements called " + attributes["id"])
            self.ids.append(attributes["id"])

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()
        elif tag not in self.VOID:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.styles(data)
        else:
            self.text.append(data)

    def styles(self, text):
        if "url(" in text.replace("url(data:", "").replace('url("data:', "") or "@import" in text:
            self.loads.append(text)


reader = Reader()
reader.feed(sys.stdin.buffer.read().decode("utf-8", errors="strict"))
reader.close()
facts = {
    "loads": reader.loads,
    "runs": reader.runs,
    "links": reader.links,
    "text": " ".join("".join(reader.text).split()),
    "unheard": reader.unheard,
    "unbalanced": reader.unbalanced + reader.open,
}
json.dump(facts, sys.stdout)
