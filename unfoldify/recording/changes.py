"""In-place calls → the plain call where nobody can tell: `out += y` of a value with no other name."""

from __future__ import annotations

import operator
from typing import Any

from torch import fx

PLAIN: dict[str, Any] = {
    "add_": operator.add,
    "sub_": operator.sub,
    "mul_": operator.mul,
    "div_": operator.truediv,
    "__iadd__": operator.add,
    "__isub__": operator.sub,
    "__imul__": operator.mul,
    "__itruediv__": operator.truediv,
    "__idiv__": operator.truediv,
}


def made_plain(graph: fx.Graph) -> None:
    """`out += y` becomes `out + y` where `out` has no other name.

    Before loops are looked for: the first of their rounds may add to a number, which is no change.
    """
    for node in graph.nodes:
        if node.op != "call_method" or not is_in_place(node):
            continue
        function = PLAIN.get(str(node.target))
        arguments = len(node.args) == 2 and not node.kwargs
        if function is not None and arguments and is_private(node.args[0], node):
            node.op, node.target = "call_function", function
            node.meta.pop("mutates")
            node.meta.pop("alias", None)


def is_in_place(node: fx.Node) -> bool:
    """Whether a method changes its own tensor and hands it back."""
    return (
        bool(node.args)
        and node.meta.get("mutates") == (node.args[0],)
        and str(node.target).endswith("_")
    )


def is_private(target: Any, change: fx.Node) -> bool:
    """Whether a value was made here, shares its memory with no other, and is not read after the
    change.
    """
    if target.op in ("placeholder", "get_attr") or "alias" in target.meta:
        return False
    if not same_kind(target, change):
        return False
    nodes = list(target.graph.nodes)
    order = {node: index for index, node in enumerate(nodes)}
    if any(order[user] > order[change] for user in target.users):
        return False
    return not any(node.meta.get("alias") is target for node in nodes if node is not change)


def same_kind(target: fx.Node, change: fx.Node) -> bool:
    """Whether the plain call gives the same shape and dtype as the change in place."""
    mine, other = target.meta.get("val"), change.args[1]
    if mine is None:
        return False
    theirs = other.meta.get("val") if isinstance(other, fx.Node) else None
    if theirs is None:
        return mine.dtype.is_floating_point or isinstance(other, int)
    return theirs.dtype == mine.dtype and len(theirs.shape) <= len(mine.shape)
