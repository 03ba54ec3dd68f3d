"""Which nodes belong to a call of a function, besides those that were made in it."""

from __future__ import annotations

import operator

from torch import fx

from unfoldify.emit.uses import METADATA, is_shape
from unfoldify.recording.loops.loop import Loop, chain
from unfoldify.recording.source import Position, loop_heads
from unfoldify.recording.users_calls import Call


class NoRegion(Exception):  # noqa: N818 (it says what nodes are not, and is no error)
    """These nodes cannot be a function."""


def caller_of(node: fx.Node, call: Call) -> tuple[Position, ...]:
    """The positions from the call of the function outwards."""
    calls = node.meta["calls"]
    outside = len(calls) - calls.index(call) - 1
    for key in ("call_positions", "positions"):
        positions = (*node.meta.get(key, ()), *node.meta.get("outer", ()))
        if len(positions) == len(calls):
            return tuple(positions[len(positions) - outside :])
    raise NoRegion


def within(node: fx.Node, key: str, outside: int) -> tuple[Position, ...]:
    """The positions of a node as far as they are inside the function."""
    positions, around = node.meta.get(key, ()), len(node.meta.get("outer", ()))
    of_rule = key == "positions" and "group" in node.meta and not node.meta.get("result")
    if of_rule or len(positions) + around != len(node.meta.get("calls", ())):
        return tuple(positions)
    return tuple(positions[: len(positions) - max(outside - around, 0)])


# -- loops -----------------------------------------------------------------------------------------


def loops_inside(own: set[fx.Node], outside: int) -> set[Loop]:
    """The loops that the function's own lines are in."""
    found: set[Loop] = set()
    for node in own:
        places = [*within(node, "positions", outside), *within(node, "call_positions", outside)]
        heads = {head for place in places for head in loop_heads(place)}
        found |= {loop for loop in chain(node.meta.get("loop")) if loop.head in heads}
    if any(loop.modules or loop.test is not None for loop in found):
        raise NoRegion
    return found


def parts_of_loops(graph: fx.Graph, loops: set[Loop]) -> set[fx.Node]:
    """What belongs to loops and was made by no call."""
    found = {node for loop in loops for node in (*loop.carried, *loop.sequences.values())}
    found |= {node for loop in loops for node in loop.collected.values()}
    found |= {loop.index for loop in loops if loop.index is not None}
    return found | {n for n in graph.nodes if not loops.isdisjoint(chain(n.meta.get("loop")))}


def outside(node: fx.Node, loops: set[Loop]) -> Loop | None:
    """The innermost loop around the function that a node is in."""
    if node.meta.get("head_of") in loops:
        inner: Loop = node.meta["head_of"]
    elif "list_of" in node.meta:
        inner = next(loop for loop in loops if node in loop.collected.values())
    else:
        return next((loop for loop in chain(node.meta.get("loop")) if loop not in loops), None)
    return next((loop for loop in chain(inner) if loop not in loops), None)


# -- what else belongs to it -----------------------------------------------------------------------


def needed_only(graph: fx.Graph, own: set[fx.Node], loops: set[Loop]) -> set[fx.Node]:
    """Values that no call of the user's made, sizes that explain a number, and only these nodes use."""
    found: set[fx.Node] = set()
    for node in reversed(graph.nodes):
        is_aside = node.op == "call_function" and not node.meta.get("calls")
        of_others = {"kept", "head_of", "list_of", "group"} & node.meta.keys()
        if node in own or not is_aside or of_others or not node.users:
            continue
        is_inside = all(loop in loops for loop in chain(node.meta.get("loop")))
        if is_inside and all(user in own or user in found for user in node.users):
            found.add(node)
    return found


def looked_at(own: set[fx.Node], call: Call) -> set[fx.Node]:
    """Shapes, types and sizes of values, which the function can ask for itself."""
    found: set[fx.Node] = set()
    known = {operand for node in own for operand in node.all_input_nodes if operand not in own}
    for node in list(known):
        if call in node.meta.get("given", ()):
            continue
        if node.target is getattr and node.args[1] in METADATA:
            found.add(node)
        elif node.target is operator.getitem and is_shape(node.args[0]):  # type: ignore[arg-type]
            source = node.args[0].args[0]  # type: ignore[union-attr]
            if source in own or source in known:
                found |= {node, node.args[0]} - own  # type: ignore[arg-type]
    return found
