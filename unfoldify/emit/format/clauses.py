"""Statements with statements in them to clauses: a header, and what stands below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .brackets import Level, optional_parentheses, parenthesize_if_expands
from .chains import arguments
from .displays import elements
from .document import Document, Group, comma_separated
from .expressions import Expressions
from .omission import can_omit_parentheses
from .parameters import parameters
from .patterns import case_header
from .simple import or_if_helpful
from .structure import has_parameters

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Clause:
    """A header that ends with a colon and the statements below it; cases are one level deeper."""

    header: Document
    body: list[ast.stmt]
    deeper: int = 0


def clauses(write: Expressions, node: ast.stmt) -> list[Clause]:
    """The clauses of a compound statement; none for any other."""
    return list(_clauses(write, node))


def _clauses(write: Expressions, node: ast.stmt) -> Iterator[Clause]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield Clause(_function(write, node), node.body)
        case ast.ClassDef():
            yield Clause(_class(write, node), node.body)
        case ast.If():
            yield from _conditions(write, node)
        case ast.While(test, body, orelse):
            yield Clause(["while ", write.if_breaks(test, node)], body)
            yield from _optional("else", orelse)
        case ast.For() | ast.AsyncFor():
            yield Clause(_loop(write, node), node.body)
            yield from _optional("else", node.orelse)
        case ast.With() | ast.AsyncWith():
            keyword = "async with " if isinstance(node, ast.AsyncWith) else "with "
            yield Clause([keyword, _with_items(write, node.items)], node.body)
        case ast.Try():
            yield from _try(write, node, "except")
        case ast.TryStar():
            yield from _try(write, node, "except*")
        case ast.Match(subject, cases):
            yield Clause(["match ", write.if_breaks(subject, node)], [])
            for case in cases:
                yield Clause(case_header(write, case), case.body, deeper=1)


def _optional(keyword: str, body: list[ast.stmt]) -> Iterator[Clause]:
    if body:
        yield Clause(keyword, body)


def _conditions(write: Expressions, node: ast.If, keyword: str = "if ") -> Iterator[Clause]:
    yield Clause([keyword, write.if_breaks(node.test, node)], node.body)
    match node.orelse:
        case [ast.If() as following]:
            yield from _conditions(write, following, "elif ")
        case orelse:
            yield from _optional("else", orelse)


def _loop(write: Expressions, node: ast.For | ast.AsyncFor) -> Document:
    keyword = "async for " if isinstance(node, ast.AsyncFor) else "for "
    target = node.target
    if isinstance(target, ast.Tuple) and write.structure.is_bare_tuple(target):
        names = optional_parentheses(lambda level: elements(write, target.elts, level))
    else:
        names = write.if_breaks(target, target)
    return [keyword, names, " in ", write.if_breaks(node.iter, node)]


def _with_items(write: Expressions, items: list[ast.withitem]) -> Document:
    match items:
        case [ast.withitem(context, None) as item]:
            if isinstance(context, ast.Tuple):
                return ["(", write.document(context, None), ")"]
            return write.if_breaks(context, item)
        case [ast.withitem(context) as item] if write.structure.is_parenthesized(context):
            return [write.document(context, None), *_as(write, item, None)]
        case [item] if can_omit_parentheses(item.context_expr, write.structure):
            return optional_parentheses(
                lambda level: [write.document(item.context_expr, level), *_as(write, item, level)]
            )
    return parenthesize_if_expands(
        lambda level: comma_separated(
            [[write.document(item.context_expr, level), *_as(write, item, level)] for item in items]
        )
    )


def _as(write: Expressions, item: ast.withitem, level: Level) -> list[Document]:
    if item.optional_vars is None:
        return []
    return [" as ", write.document(item.optional_vars, level)]


def _try(write: Expressions, node: ast.Try | ast.TryStar, keyword: str) -> Iterator[Clause]:
    yield Clause("try", node.body)
    for handler in node.handlers:
        header: list[Document] = [keyword]
        if handler.type is not None:
            header += [" ", write.if_breaks(handler.type, handler)]
        if handler.name is not None:
            header += [" as ", handler.name]
        yield Clause(header, handler.body)
    yield from _optional("else", node.orelse)
    yield from _optional("finally", node.finalbody)


def _function(write: Expressions, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Document:
    keyword = "async def " if isinstance(node, ast.AsyncFunctionDef) else "def "
    signature: list[Document] = [parameters(write, node.args)]
    if node.returns is not None:
        signature += [" -> ", _returns(write, node.returns, node)]
    return [keyword, node.name, Group(signature)]


def _returns(
    write: Expressions, returns: ast.expr, node: ast.FunctionDef | ast.AsyncFunctionDef
) -> Document:
    if isinstance(returns, ast.Tuple) or has_parameters(node.args):
        return write.if_breaks(returns, node)
    return or_if_helpful(write, returns, node)


def _class(write: Expressions, node: ast.ClassDef) -> Document:
    if not node.bases and not node.keywords:
        return ["class ", node.name]
    return ["class ", node.name, arguments(write, node.bases, node.keywords, None)]


def decorators(write: Expressions, node: ast.stmt) -> list[Document]:
    """The lines above a definition."""
    if not isinstance(node, Definition):
        return []
    return [["@", write.if_breaks(each, node)] for each in node.decorator_list]
