"""In-place calls → the plain call where nobody can tell, else a statement of its own."""

from __future__ import annotations

import operator
from typing import Any

from torch import fx

from unfoldify.recording.loops.loop import take_place
from unfoldify.recording.source import site

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


def settle(graph: fx.Graph) -> None:
    """`out += y` becomes `out + y` where `out` has no other name; every other change becomes a
    statement.
    """
    for node in list(graph.nodes):
        if node.op != "call_method" or not is_in_place(node):
            continue
        target = node.args[0]
        assert isinstance(target, fx.Node)
        function = PLAIN.get(str(node.target))
        if (
            function is not None
            and len(node.args) == 2
            and not node.kwargs
            and is_private(target, node)
        ):
            node.op, node.target = "call_function", function
            node.meta.pop("mutates")
            node.meta.pop("alias", None)
        elif node.target == "requires_grad_" and is_made_for(target, node):
            node.meta.pop("mutates")
            node.meta.pop("alias", None)
            target.meta["chained"] = True
        else:
            node.replace_all_uses_with(target)
            take_place(target, node)


def is_made_for(target: fx.Node, change: fx.Node) -> bool:
    """Whether one statement makes a value and asks for its gradients: `x.clone().requires_grad_()`."""
    mine, its = (
        next(
            (found.statement for found in map(site, node.meta.get("positions", ())) if found), None
        )
        for node in (target, change)
    )
    is_new = target.target in ("clone", "detach") or target.op == "call_function"
    return is_new and mine is not None and mine == its and list(target.users) == [change]


def is_in_place(node: fx.Node) -> bool:
    """Whether a method changes its own tensor and hands it back."""
    return (
        bool(node.args)
        and node.meta.get("mutates") == (node.args[0],)
        and str(node.target).endswith("_")
    )


def is_private(target: fx.Node, change: fx.Node) -> bool:
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
