"""Statements to lines."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from .clauses import Clause, Definition, clauses, decorators
from .comments import Blank, Comment, Remarked, alone, plain, within
from .expressions import Expressions
from .printer import INDENT, lines_of
from .simple import simple_statement
from .strings import docstring_lines


@dataclass(frozen=True)
class Statements:
    """Lines for the statements of one tree, at most `width` wide."""

    write: Expressions
    width: float

    def lines(self, node: ast.stmt, indent: int, remark: str | None = None) -> list[str]:
        """The lines of a statement that stands `indent` levels deep."""
        margin = " " * INDENT * indent
        match node:
            case Blank():
                return [""]
            case Comment(text):
                room = self.width - len(margin) - len("# ")
                return [f"{margin}# {line}".rstrip() for line in within(text, room)]
            case Remarked(statement, text):
                return self.lines(statement, indent, text)
        column = INDENT * indent
        compound = clauses(self.write, node)
        if not compound:
            document = simple_statement(self.write, node)
            return self.remarked(lines_of(document, column, self.width), remark, margin)
        above = [
            line
            for decorator in decorators(self.write, node)
            for line in lines_of(decorator, column, self.width)
        ]
        first, *others = compound
        stub = isinstance(node, Definition) and _is_ellipsis(first.body)
        header = lines_of([first.header, ": ..." if stub else ":"], column, self.width)
        lines = self.remarked([*above, *header], remark, margin)
        lines = lines if stub else self.with_body(lines, first, node, indent)
        for clause in others:
            deeper = indent + clause.deeper
            header = lines_of([clause.header, ":"], INDENT * deeper, self.width)
            lines += self.with_body(header, clause, node, deeper)
        return lines

    def remarked(self, lines: list[str], remark: str | None, margin: str) -> list[str]:
        """The lines with a comment: at the end of a single one if there is room, else above."""
        if not remark:
            return lines
        if len(lines) == 1 and len(lines[0]) + len(f"  # {remark}") <= self.width:
            return [f"{lines[0]}  # {remark}"]
        return [f"{margin}# {alone(remark, lines)}", *lines]

    def with_body(
        self, header: list[str], clause: Clause, node: ast.stmt, indent: int
    ) -> list[str]:
        """A clause: its header and, below it, its statements."""
        is_definition = isinstance(node, Definition)
        match clause.body:
            case [ast.Expr(ast.Constant(str(text))), *rest] if is_definition:
                docstring = docstring_lines(text, " " * INDENT * (indent + 1))
                below = self.suite(rest, indent + 1)
                is_apart = isinstance(node, ast.ClassDef) or (below and _defines(rest[0]))
                return [*header, *docstring, *([""] if below and is_apart else []), *below]
        starts_with_definition = bool(clause.body) and _defines(_subject(clause.body))
        gap = [""] if starts_with_definition and not is_definition else []
        return [*header, *gap, *self.suite(clause.body, indent + 1)]

    def suite(self, body: Sequence[ast.stmt], indent: int, blank_lines: int = 1) -> list[str]:
        """Statements that follow one another; `blank_lines` around functions and classes."""
        lines: list[str] = []
        previous: ast.stmt | None = None
        blanks = 0
        for index, node in enumerate(body):
            if isinstance(node, Blank):
                blanks += 1
                continue
            if previous is not None:
                required = _blank_lines(previous, _subject(body[index:]), blank_lines)
                lines += [""] * max(required, min(blanks, blank_lines))
            lines += self.lines(node, indent)
            previous, blanks = node, 0
        return lines


def _subject(body: Sequence[ast.stmt]) -> ast.stmt:
    """The statement to which the comments at the beginning of a body belong."""
    for node in body:
        if not isinstance(node, (Comment, Blank)):
            return plain(node)
    return body[0]


def _blank_lines(previous: ast.stmt, following: ast.stmt, around_definitions: int) -> int:
    previous = plain(previous)
    if isinstance(previous, Comment):
        return 0
    if _is_stub(previous) and isinstance(following, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return 0
    if _defines(following) or _ends_with_definition(previous):
        return around_definitions
    imports = (ast.Import, ast.ImportFrom)
    return int(isinstance(previous, imports) and not isinstance(following, imports))


def _defines(node: ast.stmt) -> bool:
    return isinstance(plain(node), Definition)


def _is_stub(node: ast.stmt) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _is_ellipsis(node.body)


def _is_ellipsis(body: Sequence[ast.stmt]) -> bool:
    match body:
        case [ast.Expr(ast.Constant(value))]:
            return value is Ellipsis
    return False


def _ends_with_definition(node: ast.stmt) -> bool:
    node = plain(node)
    if isinstance(node, Definition):
        return True
    for field in ("finalbody", "orelse", "handlers", "cases", "body"):
        inside = getattr(node, field, None)
        if inside:
            return _ends_with_definition(inside[-1])
    return False
