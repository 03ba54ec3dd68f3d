"""Whether a value may stand inside the expression that uses it, and needs no line of its own."""

from __future__ import annotations

import operator
from typing import Any

from torch import fx

from unfoldify.emit.uses import (
    Use,
    count_uses,
    is_idle,
    is_impure,
    is_shape,
    through_trivial,
    use_of,
)
from unfoldify.recording.body import Construct
from unfoldify.recording.loops.loop import (
    block_runs,
    carried_value,
    index_of_round,
    item_of_round,
    values_without,
)
from unfoldify.recording.source import site

HEADS = (item_of_round, index_of_round, block_runs)  # their operands stand in the head of a loop
VIEWS = {
    *("transpose", "permute", "view", "reshape", "flatten"),
    *("unsqueeze", "squeeze", "t", "expand"),
}
LARGEST_OPERAND = 2  # calls of an operand inside a line of a layer
LARGEST_EXPRESSION = 9  # calls in one expression, where it is not the user's own


def can_stand_inside(node: fx.Node, calls: int) -> bool:
    """Whether a value of so many calls may be part of the one expression that reads it."""
    if is_for_one_item(node):  # `self.encoder(x)[0]`
        return True
    if count_uses(node) != 1 or "own_line" in node.meta:
        return False
    user = through_trivial(next(iter(node.users)))
    if user is None or user.target in (carried_value, values_without):
        return False
    if user.target in HEADS:
        return not is_impure(node)
    if user.op == "output" and (node.meta.get("loop") is not None or "grad" in node.meta):
        return False
    if user.op != "output" and not in_one_block(node, user):
        return False
    if isinstance(node.target, Construct) or node.meta.get("chained"):
        return True
    return says_so(node, user, calls)


def says_so(node: fx.Node, user: fx.Node, calls: int) -> bool:
    """Whether the user's own statement has the value inside, or the lines of one layer do."""
    use = use_of(node)
    group, other = node.meta.get("group"), user.meta.get("group")
    if user.target is setattr and group is None and is_assigned_to(use, user.args[1]):
        return True
    if group is not other:
        if group is None and is_view(node) and use.role == "nested":
            return calls <= LARGEST_OPERAND and is_operand(use, user)
        is_result = user.op == "output" and bool(node.meta.get("result"))
        return is_result and use.role in ("returned", "unknown")
    if user.op == "output":
        return use.role == "returned" or (use.role == "nested" and in_return(use))
    if use.role != "nested" and not (use.role == "returned" and group is not None):
        return use.role == "assigned" and is_put_into(node, user) and same_statement(use, user)
    if group is not None:
        return True
    fits = calls < LARGEST_EXPRESSION or same_expression(use, use_of(user))
    return fits and same_statement(use, user)


def is_for_one_item(node: fx.Node) -> bool:
    """Whether one item is all that is read of a tuple, at once."""
    live = [user for user in node.users if not is_idle(user)]
    if len(live) != 1 or "length" not in node.meta or "own_line" in node.meta:
        return False
    item = live[0]
    is_item = item.target is operator.getitem and item.args[0] is node and not is_shape(node)
    return is_item and in_one_block(node, item)


def in_one_block(one: fx.Node, other: fx.Node) -> bool:
    """Whether two calls stand in one loop, under one gradient mode."""
    return all(one.meta.get(key) == other.meta.get(key) for key in ("loop", "grad"))


def is_put_into(node: fx.Node, user: fx.Node) -> bool:
    """Whether a value is what becomes of items of another: `x[:, 0] = value`."""
    return user.target is operator.setitem and user.args[2] is node


def is_view(node: fx.Node) -> bool:
    """Another look at the same numbers: it may stand inside a line of the layer that it is for."""
    if node.target is operator.getitem or (node.target is getattr and node.args[1] in ("T", "mT")):
        return "val" in node.meta
    return node.op == "call_method" and node.target in VIEWS


def is_operand(use: Use, user: fx.Node) -> bool:
    """Whether a value is an operand of the very call that the lines of a layer spell out."""
    calls = map(site, user.meta.get("call_positions", ()))
    return any(found is not None and found.statement == use.statement for found in calls)


def is_assigned_to(use: Use, label: Any) -> bool:
    """Whether the user's statement is `self.label = ...`"""
    return use.role == "assigned" and use.site is not None and use.site.targets == (label,)


def in_return(use: Use) -> bool:
    return use.site is not None and use.site.targets == ()


def same_statement(use: Use, user: fx.Node) -> bool:
    return use.statement is not None and any(
        found is not None and found.statement == use.statement
        for found in (site(position) for position in user.meta.get("positions", ()))
    )


def same_expression(use: Use, other: Use) -> bool:
    return use.statement is not None and use.statement == other.statement
