"""What one run says needlessly: `n + 0`, `x * 1.0`, a dropout's rate that is 0.0 out of training."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx

from unfoldify.recording.body import Body
from unfoldify.recording.modes import choose

NOTHING: dict[Any, int] = {  # operator → what its second operand is where it does nothing
    operator.add: 0,
    operator.sub: 0,
    operator.mul: 1,
    operator.floordiv: 1,
}
EITHER_SIDE = (operator.add, operator.mul)
HIDING = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout")


def tidy(body: Body) -> None:
    """Tidies a body, in place, and every body that it calls."""
    changed = any("mutates" in node.meta for node in body.graph.nodes)
    for node in list(body.graph.nodes):
        if "body" in node.meta:
            tidy(node.meta["body"])
        elif getattr(node.target, "__name__", "") in HIDING:
            settle_rate(node)
        elif node.target is torch.autograd.grad:  # it hands on flags that nobody gave
            node.kwargs = {key: flag for key, flag in node.kwargs.items() if flag is not False}
        else:
            kept = kept_operand(node)
            held = "kept" in node.meta or (changed and "val" in node.meta)
            if kept is not None and not held:
                stand_in(node, kept)
    if body.other_mode is not None:
        tidy(body.other_mode)


def kept_operand(node: fx.Node) -> fx.Node | None:
    """The operand that the call gives back as it is."""
    if node.target not in NOTHING or len(node.args) != 2 or node.kwargs:
        return None
    left, right = node.args
    if node.target in EITHER_SIDE and isinstance(right, fx.Node):
        left, right = right, left
    if not isinstance(left, fx.Node) or type(right) not in (int, float):
        return None
    return left if right == NOTHING[node.target] and is_unchanged(left, right, node) else None


def is_unchanged(operand: fx.Node, number: Any, result: fx.Node) -> bool:
    """Whether kind, type and shape stay. A sum with 0 makes 0.0 of -0.0, so it has to be whole."""
    if "val" not in operand.meta:
        return type(operand.meta.get("value")) is int and type(number) is int
    dtype = operand.meta["val"].dtype
    is_sum = result.target in (operator.add, operator.sub)
    is_whole = not (dtype.is_floating_point or dtype.is_complex)
    return same_kind(operand, result) and (is_whole or not is_sum)


def start_from_the_first(graph: fx.Graph) -> None:
    """`a + b` for the `0 + a + b` of Python's `sum`; a loop goes on starting from 0.

    The next summand takes the sign of a zero as 0 would, unless it is -0.0 itself.
    """
    if any("mutates" in node.meta for node in graph.nodes):  # a sum with 0 is a copy
        return
    for node in list(graph.nodes):
        is_first = node.target is operator.add and 0 in node.args and node.users
        if not is_first or "loop" in node.meta or "kept" in node.meta:
            continue
        goes_on = all(user.target is operator.add for user in node.users)
        summand = next((arg for arg in node.args if isinstance(arg, fx.Node)), None)
        if goes_on and summand is not None and same_kind(summand, node):
            stand_in(node, summand)


def same_kind(one: fx.Node, other: fx.Node) -> bool:
    """Whether two values are tensors of one type and shape."""
    ours, theirs = one.meta.get("val"), other.meta.get("val")
    if ours is None or theirs is None:
        return False
    return bool((ours.dtype, ours.shape) == (theirs.dtype, theirs.shape))


def stand_in(node: fx.Node, kept: fx.Node) -> None:
    """Let `kept` be in the place of a call, under the name that the user gave the call's value."""
    if len(kept.users) == 1 and kept.op != "placeholder" and "positions" in node.meta:
        kept.meta["positions"] = node.meta["positions"]
    node.replace_all_uses_with(kept)
    node.graph.erase_node(node)


def settle_rate(node: fx.Node) -> None:
    """`dropout(x, p=0.1 if self.training else 0.0, training=self.training)`: out of training no
    rate is looked at.
    """
    training = node.kwargs.get("training", node.args[2] if len(node.args) > 2 else None)
    rate = node.kwargs.get("p", node.args[1] if len(node.args) > 1 else None)
    if not (isinstance(rate, fx.Node) and rate.target is choose and is_flag(training)):
        return
    flag, value, _ = rate.args
    if not is_flag(flag):
        return
    if "p" in node.kwargs:
        node.kwargs = {**node.kwargs, "p": value}
    else:
        node.args = (node.args[0], value, *node.args[2:])
    if not rate.users:
        rate.graph.erase_node(rate)
        if isinstance(flag, fx.Node) and not flag.users:
            flag.graph.erase_node(flag)


def is_flag(value: Any) -> bool:
    return isinstance(value, fx.Node) and value.op == "get_attr" and value.target == "training"
