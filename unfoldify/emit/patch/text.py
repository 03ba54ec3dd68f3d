"""A file's text, byte for byte, and edits of single spans of it.

What no edit covers is never parsed and printed again, so it cannot change: line ends, tabs,
trailing spaces, odd encodings stay.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

LINE_END = re.compile(r"\r\n|\r|\n")


def encoded(text: str) -> bytes:
    """A source text as the bytes that its own first lines say it is made of."""
    data = text.encode(errors="replace")
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data if encoding in ("utf-8", "utf-8-sig") else text.encode(encoding)


@dataclass(frozen=True, order=True)
class Edit:
    """`text` in place of what stands from `start` to `end`."""

    start: int
    end: int
    text: str
    place: ast.AST | None = field(default=None, compare=False)  # the expression that it changes


@dataclass(frozen=True)
class SourceText:
    """The text of a Python file with its own line ends, and where its syntax stands in it."""

    text: str
    encoding: str = "utf-8"

    @classmethod
    def read(cls, path: Path) -> SourceText:
        data = path.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return cls(data.decode(encoding), encoding)

    @cached_property
    def newline(self) -> str:
        """The file's own line end."""
        found = LINE_END.search(self.text)
        return found.group() if found else "\n"

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each line begins."""
        return (0, *(match.end() for match in LINE_END.finditer(self.text)))

    def line(self, number: int) -> str:
        """A line, counted from 1, without its end; empty behind the last."""
        if not 0 < number <= len(self.starts):
            return ""
        start = self.starts[number - 1]
        end = LINE_END.search(self.text, start)
        return self.text[start : end.start() if end else len(self.text)]

    def offset(self, line: int, column: int) -> int:
        """Where a position of Python's ast is: its columns count bytes."""
        before = self.line(line).encode()[:column].decode()
        return self.starts[line - 1] + len(before)

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def segment(self, node: ast.expr | ast.stmt) -> str:
        """A node as its author wrote it."""
        return self.text[self.start(node) : self.end(node)]

    def indentation(self, node: ast.expr | ast.stmt) -> str:
        """What stands before the first line of a statement."""
        line = self.line(node.lineno)
        return line[: len(line) - len(line.lstrip())]

    def stands_alone(self, statement: ast.stmt) -> bool:
        """Whether a statement shares its lines with no other: lines may be put above it."""
        first = self.line(statement.lineno).encode()[: statement.col_offset].decode()
        after = self.line(statement.end_lineno or 0).encode()[statement.end_col_offset :].decode()
        return not first.strip() and after.strip()[:1] in ("", "#")

    def in_own_lines(self, text: str) -> str:
        """`text` with the file's line ends."""
        return LINE_END.sub(self.newline, text)

    def edited(self, edits: Iterable[Edit]) -> str:
        """The text with every edit made; edits at one place keep their order."""
        parts: list[str] = []
        done = 0
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
            assert edit.start >= done, "edits overlap"
            parts += [self.text[done : edit.start], self.in_own_lines(edit.text)]
            done = edit.end
        return "".join([*parts, self.text[done:]])

    def in_place(self, node: ast.expr | ast.stmt, edits: Iterable[Edit]) -> str:
        """The text of one node with edits made that are all inside it."""
        start, end = self.start(node), self.end(node)
        inside = [Edit(edit.start - start, edit.end - start, edit.text) for edit in edits]
        return SourceText(self.text[start:end]).edited(inside)
