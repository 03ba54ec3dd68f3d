"""What ruff itself makes of statements: the oracle of the formatter's tests."""

from __future__ import annotations

import ast
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from unfoldify.emit.format import format_statement

RUFF = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
_START = re.compile(r"^def statement_(\d+)\(\):$")


def formatted_by_ruff(cases: Sequence[tuple[ast.stmt, int]]) -> Iterator[list[str]]:
    """For each statement and depth of indentation (1 or more) the lines that ruff makes of it.

    Ruff is given each statement on one line, without redundant parentheses.
    """
    source: list[str] = []
    for number, (statement, indent) in enumerate(cases):
        source.append(f"def statement_{number}():")
        source += ["    " * depth + "if 1:" for depth in range(1, indent)]
        source += format_statement(statement, indent, width=math.inf)
    lines = run_ruff("\n".join(source) + "\n").splitlines()
    starts = [index for index, line in enumerate(lines) if _START.match(line)]
    assert len(starts) == len(cases)
    for start, stop, (_, indent) in zip(starts, [*starts[1:], len(lines)], cases, strict=True):
        yield "\n".join(lines[start + indent : stop]).strip("\n").split("\n")


def run_ruff(source: str) -> str:
    """The source as `ruff format` leaves it."""
    assert RUFF is not None
    command = [RUFF, "format", "--isolated", "--line-length", "100", "--stdin-filename", "x.py"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
