"""What the checks of deploy/ share: files, findings, schemas, and running programs."""

import json
import pathlib
import shutil
import subprocess
import tempfile

import jsonschema
import yaml

SCHEMAS = pathlib.Path(__file__).parent / "schemas"


class Place:
    """A tree with deploy/ in it: the project's own, or a broken copy."""

    def __init__(self, root, binary):
        self.root = pathlib.Path(root)
        self.binary = pathlib.Path(binary)
        self.notes = []

    def text(self, path):
        return (self.root / path).read_text()

    def document(self, path):
        return yaml.safe_load(self.text(path))

    def files(self, folder, *endings):
        """The paths of a folder's files, from the root, in order."""
        found = (self.root / folder).rglob("*")
        return sorted(
            str(file.relative_to(self.root)) for file in found if file.is_file() and file.name.endswith(endings))

    def program(self, name):
        """Whether a program is here; what is not checked for want of it is said."""
        if shutil.which(name):
            return True
        self.notes.append(f"{name} is not installed: what it judges was not checked")
        return False


def run(*command):
    """The exit code of a program, and everything that it printed."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def schema(file, name=None):
    """A validator of one of our schemas; NAME is one of its definitions."""
    loaded = json.loads((SCHEMAS / file).read_text())
    if name:
        loaded = {"$defs": loaded["$defs"], "$ref": "#/$defs/" + name.replace("/", "~1")}
    return jsonschema.Draft202012Validator(loaded)


def against(validator, document, path):
    """A finding for each thing that a schema refuses."""
    for error in validator.iter_errors(document):
        where = "/".join(str(part) for part in error.absolute_path) or "the whole"
        reasons = [error.message] + [inner.message for inner in error.context or []]
        yield f"{path}: {where}: {'; '.join(reasons)[:300]}"


def accepts(place, path, configuration, arguments, beside=()):
    """The real exporter judges a configuration, with the flags that are given beside it. BESIDE are the files that it
    names, and those that they name: paths and contents."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in beside:
            file = pathlib.Path(folder) / pathlib.Path(name).name
            for other, _ in beside:
                content = content.replace(other, f"{folder}/{pathlib.Path(other).name}")
            file.write_text(content)
            configuration = configuration.replace(name, str(file))
        file = pathlib.Path(folder) / "config.yaml"
        file.write_text(configuration)
        others = [word for word in arguments if not word.startswith("--config.")]
        code, printed = run(place.binary, *others, f"--config.file={file}", "--config.check")
    if code:
        yield f"{path}: the exporter refuses it: {printed[:500]}"
