"""A row of the table: what became of one case."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

# from best to worst; the last three say nothing about the tool
OUTCOMES = (
    "verified",
    "refused",  # an error that the tool raises on purpose: the model cannot be recorded
    "not equal",  # found by the tool's own verification, and not written
    "crashed",  # an exception that nobody raised on purpose
    "died",  # the process ended: killed, aborted, out of memory
    "timeout",
    "original fails",  # the model does not run here without the tool either
    "cannot be built",
    "skipped",
)
COUNTED = OUTCOMES[:6]


@dataclass(frozen=True)
class Row:
    """Times in seconds of one processor, memory in MiB of the whole process."""

    title: str
    outcome: str
    stage: str = ""  # where a timeout or a death happened
    model: str = ""  # the class
    parameters: int = 0
    forward: float | None = None  # of the original
    backward: str = ""  # "" where gradients flow, else why not
    seconds: float | None = None
    memory: int | None = None
    lines: int | None = None  # of the emitted file
    original_lines: int | None = None  # of the classes that it replaces
    sizes: tuple[str, ...] = ()  # inputs at which both were found equal
    fixed: tuple[str, ...] = ()  # sizes and values that the file is bound to
    declined: tuple[str, ...] = ()  # layers left as they were, with reasons
    notes: tuple[str, ...] = ()
    error: str = ""  # the class of the exception
    reason: str = ""  # the first line of its message
    frame: str = ""  # the innermost line of the tool
    message: str = ""  # all of it, with the traceback of a crash
    beside: dict[str, str] = field(default_factory=dict)  # way of capture -> "" or why not

    @property
    def family(self) -> str:
        return self.title.partition("/")[0]

    @property
    def captured(self) -> bool:
        return self.outcome in ("verified", "not equal")

    def to_json(self) -> str:
        return json.dumps(asdict(self))


_TUPLES = ("sizes", "fixed", "declined", "notes")


def from_dict(values: dict[str, Any]) -> Row:
    """A row as it was written, whatever fields it had then."""
    known = {f.name for f in fields(Row)}
    kept: dict[str, Any] = {name: value for name, value in values.items() if name in known}
    kept.update({name: tuple(kept[name]) for name in _TUPLES if name in kept})
    return Row(**kept)


def read_rows(path: Path) -> dict[str, Row]:
    """The latest row of each title."""
    if not path.exists():
        return {}
    rows = (from_dict(json.loads(line)) for line in path.read_text().splitlines() if line.strip())
    return {row.title: row for row in rows}


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    path.write_text("".join(f"{row.to_json()}\n" for row in rows))
