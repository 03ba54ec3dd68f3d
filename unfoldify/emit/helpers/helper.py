"""A function of the user's, as a function of the emitted file."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import CodeType

from torch import fx

from unfoldify.emit.docstrings import docstring, summary
from unfoldify.emit.format import Blank, Comment, Remarked
from unfoldify.emit.forward import lines_of
from unfoldify.emit.functions.commented import returned as in_one_line
from unfoldify.emit.functions.function import Function
from unfoldify.emit.functions.outline import filled
from unfoldify.recording.body import Body

LAYOUT = (Blank, Comment, Remarked)  # are no statements themselves


@dataclass(eq=False)
class Helper(Function):
    """A function of the user's, and what it does."""

    body: Body = field(default_factory=lambda: Body(fx.Graph()))
    words: str = ""  # its docstring

    def definition(self) -> ast.FunctionDef:
        lines, parameters, _ = lines_of(self.body, False, False)
        arguments = ast.arguments([], [ast.arg(w) for w in parameters], None, [], [], None, [])
        body = [*docstring(self.words), *in_one_line(filled(lines, {}, itertools.count()))]
        return ast.FunctionDef(self.name, arguments, body, [], None, None, lineno=0)


def statements(body: Body) -> int:
    """How many statements a function would have that do something."""
    lines, _, _ = lines_of(body, False, False)
    return how_many(lines)


def how_many(lines: Iterable[ast.stmt]) -> int:
    """How many statements do something."""
    every = (node for line in lines for node in ast.walk(line) if isinstance(node, ast.stmt))
    return sum(not isinstance(each, LAYOUT) and not hands_back(each) for each in every)


def hands_back(line: ast.stmt) -> bool:
    """Whether a statement only returns what has a name: `return a, b`."""
    values = getattr(line.value, "elts", [line.value]) if isinstance(line, ast.Return) else [line]
    return all(isinstance(value, ast.Name) for value in values)


def first_paragraph(code: CodeType) -> str:
    """What a function's docstring says before it comes to its arguments."""
    return summary(code.co_consts[0] if code.co_consts else None)
