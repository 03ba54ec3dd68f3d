"""The text of a function → its syntax tree, comments and empty lines among the statements."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping

from unfoldify.emit.format import Blank, Comment, Remarked
from unfoldify.emit.format.comments import plain

Comments = Mapping[int, tuple[str, bool]]  # line → comment, and whether it has the line to itself


def parsed(text: str) -> ast.FunctionDef:
    """One function; its docstring stays a statement."""
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = list(among(function.body, dict(comments_of(text)), text.splitlines()))
    return function


def comments_of(text: str) -> Iterator[tuple[int, tuple[str, bool]]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            alone = not token.line[: token.start[1]].strip()
            yield token.start[0], (token.string.lstrip("# "), alone)


def among(body: list[ast.stmt], comments: Comments, lines: list[str]) -> Iterator[ast.stmt]:
    """Statements of one block with what stands between them."""
    end = None
    for statement in body:
        for line in range(statement.lineno if end is None else end + 1, statement.lineno):
            if line in comments:
                yield Comment(comments[line][0])
            elif not lines[line - 1].strip():
                yield Blank()
        if isinstance(statement, (ast.If, ast.For)):
            header = range(statement.lineno, statement.body[0].lineno)
            yield from (Comment(comments[line][0]) for line in header if line in comments)
            statement.body = list(among(statement.body, comments, lines))
            if not is_elif(statement.orelse, lines):
                statement.orelse = list(among(statement.orelse, comments, lines))
            yield statement
        else:
            last = statement.end_lineno or statement.lineno
            yield Remarked(statement, comments[last][0]) if last in comments else statement
        end = statement.end_lineno


def is_elif(body: list[ast.stmt], lines: list[str]) -> bool:
    if len(body) != 1 or not isinstance(body[0], ast.If):
        return False
    return lines[body[0].lineno - 1][body[0].col_offset :].startswith("elif")


def returned(body: list[ast.stmt]) -> list[ast.stmt]:
    """`x = a + b` and `return x` on one line."""
    match body:
        case [*before, assignment, ast.Return(value=ast.Name(id=result))]:
            match plain(assignment):
                case ast.Assign(targets=[ast.Name(id=word)], value=value) if word == result:
                    line = ast.Return(value)
                    if isinstance(assignment, Remarked):
                        return [*before, Remarked(line, assignment.remark)]
                    return [*before, line]
    return body
