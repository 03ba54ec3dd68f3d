"""Failures, sorted by cause: the exception, the innermost line of the tool, the message."""

from __future__ import annotations

import re
import traceback
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.corpus.row import COUNTED, Row

TOOL = "unfoldify"


def innermost_frame(error: BaseException) -> str:
    """`record.py:41 observe`: the last line of the tool on the way to the error, causes first."""
    found = ""
    for link in _chain(error):
        frames = traceback.extract_tb(link.__traceback__)
        inside = [frame for frame in frames if TOOL in Path(frame.filename).parent.parts]
        if inside:
            found = f"{Path(inside[-1].filename).name}:{inside[-1].lineno} {inside[-1].name}"
    return found


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, then what caused it, and what caused that."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__


def by_cause(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    """Everything that counts and is not verified, the commonest cause first."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.outcome in COUNTED and row.outcome != "verified":
            groups[cause(row)].append(row)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def cause(row: Row) -> str:
    """What rows that fail alike have in common."""
    if row.outcome in ("timeout", "died"):
        return f"{row.outcome} while {row.stage or 'starting'}"
    where = f" at {row.frame}" if row.frame else ""
    return f"{row.error}{where}: {_without_particulars(row.reason)}"


def _without_particulars(text: str) -> str:
    """The message without the names and numbers of one model."""
    text = re.sub(r"(['\"`]).*?\1", "…", text)
    text = re.sub(r"\S*/\S+\.py(:\d+)?|\b\w+\.py:\d+", "FILE", text)
    text = re.sub(r"\b[A-Z]\w*\b(?=:|\.)", "NAME", text)
    return re.sub(r"-?\d[\d.,x×e+-]*", "N", text)[:140]
