"""A folder of model files: each is loaded as the command `unfoldify FILE` loads it.

A file may need more than its own conventions say: a line of `manifest.jsonl` in the folder,
`{"file": "gan/generator.py", "target": "make_model", "inputs": ["2,100"]}`, gives what would stand
on the command line. Where the manifest lists a file, its lines are the cases; `dropped` leaves a
file out and says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.corpus.binaries import stand_in
from benchmarks.corpus.case import Built, Case

MANIFEST = "manifest.jsonl"


def cases(folder: Path) -> Iterator[Case]:
    entries = _manifest(folder)
    listed = {entry["file"] for entry in entries if "file" in entry}
    for entry in entries:
        if "file" in entry and "dropped" not in entry:
            target, inputs = entry.get("target"), tuple(entry.get("inputs", ()))
            name = str(Path(entry["file"]).with_suffix(""))
            if entry.get("name_target"):
                name = f"{name}:{target}"
            yield Case("files", name, partial(_build, folder / entry["file"], target, inputs))
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in listed and not path.name.startswith("_"):
            yield Case("files", str(Path(name).with_suffix("")), partial(_build, path, None, ()))


def _manifest(folder: Path) -> list[dict[str, Any]]:
    path = folder / MANIFEST
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.strip()]


def _build(path: Path, target: str | None, inputs: tuple[str, ...]) -> Built:
    stand_in()
    from unfoldify.loading.inputs import parse_inputs
    from unfoldify.loading.load import load
    from unfoldify.loading.target import Target

    loaded = load(Target(str(path), target), parse_inputs(inputs))
    return Built(loaded.model, loaded.args, loaded.kwargs)
