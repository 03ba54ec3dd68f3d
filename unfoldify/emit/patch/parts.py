"""The parts of an expression, in the order in which Python computes them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any


class Emptied(ast.NodeTransformer):
    """A copy of an expression with a name for every place in it."""

    def __init__(self, places: Mapping[ast.expr, Any]) -> None:
        self.spans = {
            (place.lineno, place.col_offset, place.end_lineno, place.end_col_offset)
            for place in places
        }

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr):
            here = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
            if here in self.spans:
                return ast.Name("_", ast.Load())
        return super().generic_visit(node)


def parts_of(node: ast.AST) -> Iterator[ast.AST]:
    """The expressions right below a node, in the order in which they are computed."""
    if isinstance(node, ast.IfExp):
        yield from (node.test, node.body, node.orelse)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield from (part for part in (key, value) if part is not None)
    elif isinstance(node, ast.NamedExpr):
        yield node.value
    else:
        yield from (c for c in ast.iter_child_nodes(node) if isinstance(c, (ast.expr, ast.keyword)))


def names_in(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def word_of(node: ast.AST) -> str | None:
    """What a value is called after: the attribute or function that is called."""
    match node:
        case (
            ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=word))
            | ast.Call(func=ast.Name(id=word))
        ):
            return word
        case (
            ast.Call(func=ast.Attribute(value=inner))
            | ast.Subscript(value=inner)
            | ast.Attribute(value=inner)
        ):
            return word_of(inner)
        case ast.BinOp(left=left):
            return word_of(left)
    return None
