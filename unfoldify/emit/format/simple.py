"""Statements of one logical line to documents."""

from __future__ import annotations

import ast

from .assignments import annotated_assignment, assignment, augmented_assignment, returned
from .brackets import parenthesize_if_expands
from .document import Document, Group, If, Line, comma_separated, join, soft_block
from .expressions import Expressions
from .structure import Need

_SPLIT_IN_PARENTHESES = (ast.BitOr, ast.BitXor, ast.LShift, ast.RShift, ast.Add, ast.Sub)


def simple_statement(write: Expressions, node: ast.stmt) -> Document:
    """A statement that has no statements in it."""
    match node:
        case ast.Assign():
            return assignment(write, node)
        case ast.AugAssign():
            return augmented_assignment(write, node)
        case ast.AnnAssign():
            return annotated_assignment(write, node)
        case ast.Return():
            return returned(write, node)
        case ast.Expr(value):
            return _expression(write, value, node)
        case ast.Delete(targets):
            return ["del ", _deleted(write, targets, node)]
        case ast.Raise(exception, cause):
            return _raised(write, exception, cause, node)
        case ast.Assert(test, message):
            return _asserted(write, test, message, node)
    return _without_values(node)


def _without_values(node: ast.stmt) -> Document:
    match node:
        case ast.Pass() | ast.Break() | ast.Continue():
            return type(node).__name__.lower()
        case ast.Import(names):
            return ["import ", join(", ", [_alias(name) for name in names])]
        case ast.ImportFrom():
            return _imported(node)
        case ast.Global(names) | ast.Nonlocal(names):
            return _declared(type(node).__name__.lower(), names)
    return ast.unparse(node)


def _expression(write: Expressions, value: ast.expr, node: ast.stmt) -> Document:
    splits = isinstance(value, ast.BinOp) and isinstance(value.op, _SPLIT_IN_PARENTHESES)
    if splits and not write.structure.is_parenthesized(value):
        return write.if_breaks(value, node)
    return write.document(value, None)


def _deleted(write: Expressions, targets: list[ast.expr], node: ast.stmt) -> Document:
    if len(targets) == 1:
        return write.if_breaks(targets[0], node)
    return parenthesize_if_expands(
        lambda level: comma_separated([write.document(target, level) for target in targets])
    )


def _raised(
    write: Expressions, exception: ast.expr | None, cause: ast.expr | None, node: ast.stmt
) -> Document:
    pieces: list[Document] = ["raise"]
    for keyword, value in ((" ", exception), (" from ", cause)):
        if value is not None:
            pieces += [keyword, unless_helpful(write, value, node)]
    return pieces


def unless_helpful(write: Expressions, value: ast.expr, node: ast.AST) -> Document:
    """An expression with parentheses if it breaks, but not only to get onto a line of its own."""
    if write.structure.is_parenthesized(value):
        return write.in_parentheses(value, None)
    if write.structure.need(value, node) is Need.IF_HELPFUL:
        return write.bare(value, None)
    return write.if_breaks(value, node)


def _asserted(
    write: Expressions, test: ast.expr, message: ast.expr | None, node: ast.stmt
) -> Document:
    pieces: list[Document] = ["assert ", write.if_breaks(test, node)]
    if message is not None:
        pieces += [", ", or_if_helpful(write, message, node)]
    return pieces


def or_if_helpful(write: Expressions, value: ast.expr, node: ast.AST) -> Document:
    """An expression with parentheses if it breaks, be it a single word."""
    if write.structure.need(value, node) is Need.IF_HELPFUL:
        return write.if_long(value)
    return write.if_breaks(value, node)


def _alias(name: ast.alias) -> str:
    return f"{name.name} as {name.asname}" if name.asname else name.name


def _imported(node: ast.ImportFrom) -> Document:
    head = f"from {'.' * (node.level or 0)}{node.module or ''} import "
    if node.names[0].name == "*":
        return head + "*"
    names: list[Document] = [_alias(name) for name in node.names]
    return [head, parenthesize_if_expands(lambda _: comma_separated(names, trailing_from=1))]


def _declared(keyword: str, names: list[str]) -> Document:
    escape: Document = [If("\\", broken=True), Line.SOFT]
    inside = join([", ", escape], list(names))
    return [keyword, " ", Group([escape, soft_block(inside)])]
