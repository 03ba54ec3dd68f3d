"""New nodes in an old graph: they take over the call's uses, its name and its notes."""

from __future__ import annotations

import operator
from typing import Any

from torch import Size, fx
from torch.fx.passes.shape_prop import TensorMetadata

from unfoldify.graphs.guards import expect
from unfoldify.graphs.shapes import STORED, Known
from unfoldify.recording.calls import is_random
from unfoldify.recording.scopes import suggested_name
from unfoldify.recording.values import Description
from unfoldify.rules import Decline

# notes on a node's value or on how it was called, not on where it comes from
OF_VALUE = {*STORED, "unbacked_bindings", "eager_input_vals", "arg_kwarg_vals", "is_wrapped"}
VAGUE = {"x", "result"}  # local names that say less than the function's

Heir = tuple[fx.Node, fx.Node]


def place(node: fx.Node, result: Any, made: list[fx.Node], known: Known) -> list[fx.Node]:
    """Let everything that used the node use its result; the new nodes that stay come back."""
    check_uses(node, result)
    heirs = hand_over(node, result)
    stay: list[fx.Node] = []
    for new in reversed(made):
        if is_unused(new):
            node.graph.erase_node(new)
        else:
            stay.insert(0, new)
    for new in stay:
        known[new] = new.meta.get("val", new.meta.get("value"))
        label(new, node)
    unnamed = set(stay)
    for old, new in heirs:
        known.setdefault(new, known.get(old))
        if new in unnamed:
            unnamed.remove(new)
            new.name = old.name  # free now: the node that had it is gone
            new.meta = {**new.meta, **of_value(old)}
    return stay


def check_uses(node: fx.Node, result: Any) -> None:
    """Raises where somebody uses a part of the result that is not there."""
    if isinstance(result, fx.Node):
        return
    for user in node.users:
        if is_part(user, node) and user.users:
            try:
                part = result[user.args[1]]
            except (IndexError, KeyError, TypeError):
                raise Decline(f"`{user.name}` is used, which only torch's kernel gives") from None
            check_uses(user, part)


def is_part(user: fx.Node, node: fx.Node) -> bool:
    return user.target is operator.getitem and user.args[0] is node


def hand_over(node: fx.Node, result: Any) -> list[Heir]:
    """A structure in place of a node: whoever took it apart gets the part."""
    heirs: list[Heir] = []
    if isinstance(result, fx.Node):
        heirs.append((node, result))
        node.replace_all_uses_with(result)
    else:
        for user in list(node.users):
            if is_part(user, node):
                heirs += hand_over(user, result[user.args[1]]) if user.users else erased(user)
                continue
            user.args = fx.node.map_arg(user.args, lambda n: result if n is node else n)
            user.kwargs = fx.node.map_arg(user.kwargs, lambda n: result if n is node else n)
    erased(node)
    return heirs


def erased(node: fx.Node) -> list[Heir]:
    node.graph.erase_node(node)
    return []


def is_unused(node: fx.Node) -> bool:
    """Whether nobody misses a new node."""
    if node.users or "mutates" in node.meta or node.op == "call_module":
        return False
    return node.target is not expect and not is_random(node)


def label(new: fx.Node, old: fx.Node) -> None:
    """Name a new node after the call that it spells out; its notes are that call's."""
    notes = {key: value for key, value in old.meta.items() if key not in OF_VALUE}
    if new.meta.get("is_wrapped"):
        notes["is_wrapped"] = True
    found = new.meta.get("val")
    if "tensor_meta" in old.meta and isinstance(found, Description):
        shape = Size(found.shape)
        notes["tensor_meta"] = TensorMetadata(
            shape, found.dtype, False, found.stride, None, False, {}
        )
    if new.op in ("call_function", "call_method"):
        word = suggested_name(new)
        if word is None or word in VAGUE:
            word = str(getattr(new.target, "__name__", new.target)).strip("_")
        new._rename(f"{old.name}_{word}")
    new.meta = notes


def of_value(node: fx.Node) -> dict[str, Any]:
    return {key: node.meta[key] for key in OF_VALUE & node.meta.keys() if key != "is_wrapped"}
