"""What a syntax tree has no node for: comments and empty lines."""

from __future__ import annotations

import ast
import math
import textwrap


class Comment(ast.stmt):
    """A comment of one or more lines, in the place of a statement."""

    _fields = ("text",)
    __match_args__ = ("text",)

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.text = text


def within(text: str, room: float) -> list[str]:
    """The lines of a comment; those that are too long are broken between words."""
    lines = text.split("\n")
    if room == math.inf:
        return lines
    return [
        piece
        for line in lines
        for piece in textwrap.wrap(
            line, max(int(room), 20), break_long_words=False, break_on_hyphens=False
        )
        or [""]
    ]


class Blank(ast.stmt):
    """An empty line, in the place of a statement."""


class Remarked(ast.stmt):
    """A statement with a comment that ends its line or, too long for that, stands above it."""

    _fields = ("statement", "remark")
    __match_args__ = ("statement", "remark")

    def __init__(self, statement: ast.stmt | None = None, remark: str = "") -> None:
        super().__init__()
        self.statement = statement or ast.Pass()
        self.remark = remark


def alone(remark: str, lines: list[str]) -> str:
    """What a remark says that stands above its statement: `over i` would hang on the sum's end."""
    is_of_sum = remark.startswith("over ") and any(".sum(" in line for line in lines)
    return f"sum {remark}" if is_of_sum else remark


def plain(node: ast.stmt) -> ast.stmt:
    """The statement without its remark."""
    return plain(node.statement) if isinstance(node, Remarked) else node
