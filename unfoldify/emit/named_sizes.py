"""Sizes that the user's own code gives a name: `b = x.size(0)`, `h, w = x.shape[-2:]`."""

from __future__ import annotations

import ast
import operator
from collections.abc import Sequence
from typing import Any

from torch import fx

from unfoldify.emit.lines import constant
from unfoldify.recording.source import Site, is_of_a_rule, site


def word_of_size(node: fx.Node) -> str | None:
    """The name that the user's statement gives to one size of a tensor, if it is read again."""
    whole = node.args[0] if node.target is operator.getitem else None
    if not node.users or not isinstance(whole, fx.Node) or whole.target is not getattr:
        return None
    index = node.args[1]
    found = next(iter(map(site, node.meta.get("positions", ()))), None)
    if found is None or is_of_a_rule(found.filename) or not isinstance(index, int):
        return None
    if found.role == "assigned" and not found.unpacks and len(found.targets) == 1:
        return found.targets[0] if "length" not in whole.meta else None  # of `shape` as a whole
    words = {**dict(found.items), **beside_a_star(found)}
    return words.get(index) or words.get(index - whole.meta.get("length", 0))


def beside_a_star(found: Site) -> dict[int, str]:
    """The names of `b, *spatial, c = x.shape`: of the first size, and of the last."""
    left = found.target.elts if isinstance(found.target, ast.Tuple) else []
    stars = [i for i, each in enumerate(left) if isinstance(each, ast.Starred)]
    if found.role != "assigned" or not stars or len(found.targets) != len(left):
        return {}
    named = ((i, word) for i, word in enumerate(found.targets) if word and word.strip("_"))
    return {i if i < stars[0] else i - len(left): word for i, word in named}


def sizes_of_statement(node: fx.Node) -> list[fx.Node]:
    """The sizes of one tensor that one statement names: both of `b, n = x.size(0), x.size(1)`."""
    whole: fx.Node = node.args[0]  # type: ignore[assignment]
    read = {size for user in whole.all_input_nodes[0].users for size in user.users}
    here = place(node)
    return [
        other
        for other in node.graph.nodes
        if other in read and place(other) == here and word_of_size(other) is not None
    ]


def place(node: fx.Node) -> tuple[Any, ...] | None:
    """The tensor, the statement and the loop in which a size is read."""
    if node.target is not operator.getitem or not isinstance(node.args[0], fx.Node):
        return None
    found = next(iter(map(site, node.meta.get("positions", ()))), None)
    if found is None or node.args[0].target is not getattr:
        return None
    return node.args[0].args[0], found.statement, node.meta.get("loop")


def several_sizes(shape: ast.expr, sizes: Sequence[fx.Node]) -> ast.expr:
    """`x.shape[:2]` and `x.shape[-2:]` for the first and last two, `(x.shape[0], x.shape[2])` for others."""
    length = sizes[0].args[0].meta.get("length", 0)  # type: ignore[union-attr]
    indices = [int(size.args[1]) for size in sizes]  # type: ignore[arg-type]
    first, last = indices[0], indices[-1]
    in_a_row = indices == list(range(first, last + 1))
    if in_a_row and first == 0:
        return ast.Subscript(shape, ast.Slice(upper=constant(last + 1)), ast.Load())
    if in_a_row and last in (-1, length - 1):
        return ast.Subscript(shape, ast.Slice(lower=constant(-len(indices))), ast.Load())
    parts: list[ast.expr] = [ast.Subscript(shape, constant(i), ast.Load()) for i in indices]
    return ast.Tuple(parts, ast.Load())
