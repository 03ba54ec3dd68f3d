"""Syntax trees as text, laid out as `ruff format --line-length 100` would leave them.

Comments and empty lines, for which Python's `ast` has no nodes, are `Comment`, `Blank` and
`Remarked`; they may stand wherever a statement may.

>>> import ast
>>> print(format_expression(ast.parse("x[a-1 :].view(-1, 'n'[0])**(2)").body[0].value))
x[a - 1 :].view(-1, "n"[0]) ** 2
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from .brackets import ENCLOSED
from .comments import Blank, Comment, Remarked
from .expressions import Expressions
from .normal import normal_form
from .parentheses import parenthesized
from .printer import one_line
from .statements import Statements
from .structure import Structure

__all__ = [
    "Blank",
    "Comment",
    "Remarked",
    "format_expression",
    "format_statement",
    "format_statements",
    "normal_form",
]

LINE_LENGTH = 100


def format_expression(expression: ast.expr) -> str:
    """An expression on one line, however long, without parentheses around it."""
    tree = ast.Expression(normal_form(expression))
    write = Expressions(Structure(parenthesized(tree)))
    return one_line(write.bare(tree.body, ENCLOSED))


def format_statement(
    statement: ast.stmt, indent: int = 0, remark: str | None = None, width: float = LINE_LENGTH
) -> list[str]:
    """The lines of a statement `indent` levels deep, with `# remark` where there is room for it."""
    return format_statements([Remarked(statement, remark) if remark else statement], indent, width)


def format_statements(
    statements: Sequence[ast.stmt],
    indent: int = 0,
    width: float = LINE_LENGTH,
    blank_lines: int = 1,
) -> list[str]:
    """The lines of statements that follow one another; a module has two `blank_lines`."""
    module = normal_form(ast.Module(list(statements), []))
    write = Expressions(Structure(parenthesized(module)))
    return Statements(write, width).suite(module.body, indent, blank_lines)
