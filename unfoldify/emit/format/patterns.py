"""The patterns of `match` to documents."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .brackets import ENCLOSED, enclosed, parenthesize_if_expands, space_or_break
from .document import Document, Group, comma_separated, join
from .strings import constant_text

if TYPE_CHECKING:
    from .expressions import Expressions


def case_header(write: Expressions, case: ast.match_case) -> Document:
    """`case pattern if guard`."""
    header: list[Document] = [
        "case ",
        parenthesize_if_expands(lambda _: _pattern(write, case.pattern)),
    ]
    if case.guard is not None:
        header += [" if ", write.if_breaks(case.guard, case)]
    return header


def _pattern(write: Expressions, node: ast.pattern) -> Document:
    match node:
        case ast.MatchValue(value):
            return write.document(value, ENCLOSED)
        case ast.MatchSingleton(value):
            return constant_text(value)
        case ast.MatchSequence([single]) if not isinstance(single, ast.MatchStar):
            return enclosed("[", _pattern(write, single), "]", ENCLOSED)
        case ast.MatchSequence(patterns):
            return _bracketed("[", [_pattern(write, each) for each in patterns], "]")
        case ast.MatchStar(name):
            return f"*{name or '_'}"
        case ast.MatchMapping():
            return _mapping(write, node)
        case ast.MatchClass():
            items = [_pattern(write, each) for each in node.patterns]
            named = zip(node.kwd_attrs, node.kwd_patterns, strict=True)
            items += [[name, "=", _pattern(write, each)] for name, each in named]
            return [write.document(node.cls, ENCLOSED), _bracketed("(", items, ")")]
        case ast.MatchAs(None, name):
            return name or "_"
        case ast.MatchAs(ast.MatchOr() | ast.MatchAs(pattern=ast.pattern()) as inner, name):
            return [_operand(write, inner), " as ", name or "_"]
        case ast.MatchAs(pattern, name) if pattern is not None:
            return [_pattern(write, pattern), " as ", name or "_"]
        case ast.MatchOr(patterns):
            items = [_operand(write, each) for each in patterns]
            return Group(join([space_or_break(ENCLOSED), "| "], items))
    raise TypeError(f"not a pattern: {node!r}")


def _operand(write: Expressions, node: ast.pattern) -> Document:
    inner = _pattern(write, node)
    named = isinstance(node, ast.MatchAs) and node.pattern is not None
    return enclosed("(", inner, ")", ENCLOSED) if named or isinstance(node, ast.MatchOr) else inner


def _mapping(write: Expressions, node: ast.MatchMapping) -> Document:
    pairs = zip(node.keys, node.patterns, strict=True)
    items: list[Document] = [
        [write.document(key, ENCLOSED), ": ", _pattern(write, value)] for key, value in pairs
    ]
    if node.rest is not None:
        items.append(f"**{node.rest}")
    return _bracketed("{", items, "}")


def _bracketed(left: str, items: list[Document], right: str) -> Document:
    if not items:
        return left + right
    return enclosed(left, comma_separated(items), right, ENCLOSED)
