"""`if a: if b: ...` → `if a and b: ...`, as Python asked what the user wrote with `and` and `or`."""

from __future__ import annotations

import ast

from unfoldify.emit.format import Blank, Comment


def asked_at_once(outer: ast.If) -> ast.If:
    """One question for two, where the second is all that comes of the first and both lead to the same
    lines otherwise.
    """
    for operator, first, second in (
        (ast.And, outer.body, outer.orelse),
        (ast.Or, outer.orelse, outer.body),
    ):
        match said_nothing(first):
            case [ast.If() as inner]:
                above = [line for line in first if line is not inner]
                body, other = [*above, *inner.body], inner.orelse
                if same_lines(other if operator is ast.And else inner.body, second):
                    return ast.If(joined(operator(), outer.test, inner.test), body, other)
    return outer


def same_lines(one: list[ast.stmt], other: list[ast.stmt]) -> bool:
    """Whether lines do the same, whatever is said beside them."""
    return [*map(ast.dump, said_nothing(one))] == [*map(ast.dump, said_nothing(other))]


def said_nothing(lines: list[ast.stmt]) -> list[ast.stmt]:
    return [line for line in lines if not isinstance(line, (Blank, Comment))]


def joined(operator: ast.boolop, first: ast.expr, second: ast.expr) -> ast.expr:
    """`a and b`, in one row with what `a` and `b` are joined by already."""
    parts: list[ast.expr] = []
    for each in (first, second):
        is_alike = isinstance(each, ast.BoolOp) and type(each.op) is type(operator)
        parts += each.values if is_alike else [each]  # type: ignore[attr-defined]
    return ast.BoolOp(operator, parts)
