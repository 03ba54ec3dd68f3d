"""Chains of attributes, calls and subscripts to documents."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .brackets import ENCLOSED, Level, enclosed
from .displays import comprehension, elements
from .document import Document, Group, Line, comma_separated

if TYPE_CHECKING:
    from .expressions import Expressions


def chain(write: Expressions, node: ast.expr, level: Level) -> Document:
    """A chain; a fluent one breaks before the dots that follow calls."""
    if level is not None and write.structure.is_fluent(node):
        return Group(_link(write, node, level, fluent=True))
    return _link(write, node, level, fluent=False)


def _link(write: Expressions, node: ast.expr, level: Level, fluent: bool) -> Document:
    match node:
        case ast.Attribute(value, name):
            is_call = isinstance(value, (ast.Call, ast.Subscript))
            breaks = fluent and (is_call or write.structure.is_parenthesized(value))
            dot: list[Document] = [Line.SOFT, "."] if breaks else ["."]
            return [_inner(write, value, level, fluent), *dot, name]
        case ast.Call(function, positional, keywords):
            brackets = arguments(write, positional, keywords, level)
            return [_inner(write, function, level, fluent), brackets]
        case ast.Subscript(value, index):
            brackets = enclosed("[", _index(write, index), "]", level)
            return [_inner(write, value, level, fluent), brackets]
    return write.bare(node, level)


def _inner(write: Expressions, node: ast.expr, level: Level, fluent: bool) -> Document:
    if write.structure.is_parenthesized(node):
        return write.in_parentheses(node, level)
    return _link(write, node, level, fluent)


def arguments(
    write: Expressions,
    positional: list[ast.expr],
    keywords: list[ast.keyword],
    level: Level,
) -> Document:
    """What a function is called with, brackets included."""
    if not positional and not keywords:
        return "()"
    if not keywords and len(positional) == 1 and isinstance(positional[0], ast.GeneratorExp):
        only = positional[0]
        return enclosed("(", Group(comprehension(write, [only.elt], only.generators)), ")", level)
    items = [write.document(argument, ENCLOSED) for argument in positional]
    items += [_keyword(write, keyword) for keyword in keywords]
    return enclosed("(", Group(comma_separated(items)), ")", level)


def _keyword(write: Expressions, keyword: ast.keyword) -> Document:
    value = write.document(keyword.value, ENCLOSED)
    return ["**", value] if keyword.arg is None else [keyword.arg, "=", value]


def _index(write: Expressions, node: ast.expr) -> Document:
    if isinstance(node, ast.Tuple) and write.structure.is_bare_tuple(node):
        return Group(elements(write, node.elts))
    return write.document(node, ENCLOSED)
