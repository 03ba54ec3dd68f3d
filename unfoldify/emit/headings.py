"""The words that head the lines of a rewritten call."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from torch import fx

from unfoldify.emit.format import Comment
from unfoldify.lowering.lower import Group


def heading(group: Group, layer: str) -> str:
    """`conv1: 3x3, padding 1`, or `einsum: ij,jk->ik` for a call of a function."""
    title = of_layer(layer, group.text) if group.layer else of_function(group.function, group)
    return f"{title}; einsum: {group.why}" if group.why else title


def of_layer(layer: str, text: str) -> str:
    return f"{layer}: {text}" if text else layer


def of_function(name: str, group: Group) -> str:
    if not group.text or group.kind == group.style == "einsum":
        return name  # the equation of an einsum stands in the line itself
    return f"{name}: {group.text}" if is_equation(group.text) else f"{name}, {group.text}"


def comments_above(nodes: Sequence[fx.Node]) -> list[ast.stmt]:
    """What a rule says above a statement: which part begins, and the patterns of torch's calls."""
    return [Comment(n.meta[key]) for key in ("part", "pattern") for n in nodes if key in n.meta]


def begins_part(nodes: Sequence[fx.Node]) -> bool:
    return any("part" in node.meta for node in nodes)


def is_equation(text: str) -> bool:
    """Whether a description is an einsum's, which has commas of its own."""
    return "->" in text
