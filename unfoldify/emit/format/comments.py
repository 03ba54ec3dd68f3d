"""What a syntax tree has no node for: comments and empty lines."""

from __future__ import annotations

import ast


class Comment(ast.stmt):
    """A comment of one or more lines, in the place of a statement."""

    _fields = ("text",)
    __match_args__ = ("text",)

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.text = text


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


def plain(node: ast.stmt) -> ast.stmt:
    """The statement without its remark."""
    return plain(node.statement) if isinstance(node, Remarked) else node
