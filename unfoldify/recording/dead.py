"""Calls that nobody uses go, unless a loop would come apart without them.

What the last round of a loop computes for the next one is used by nobody, and what the others
computed for a list of which only the last item is wanted is not either: the rounds are alike only
with them.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable

from torch import fx

from unfoldify.recording.calls import is_random
from unfoldify.recording.loops.loop import block_runs, values_without
from unfoldify.recording.loops.rounds import mark

Wanted = Callable[[fx.Node], bool]


def drop_dead(nodes: Iterable[fx.Node], wanted: Wanted, *, rounds: bool) -> None:
    """Erase the nodes that neither are wanted nor lead to one that is, or is outside of `nodes`.

    With `rounds`, what another round of the same loop needs stays as well.
    """
    nodes = list(nodes)
    live = _live(nodes, wanted, rounds=rounds)
    for node in reversed(nodes):
        if node not in live:
            if "list_of" in node.meta:  # the loop need not fill it either
                value = node.meta["list_of"]
                del (value.meta.get("loop") or value.meta["head_of"]).collected[value]
            node.graph.erase_node(node)


def _live(nodes: list[fx.Node], wanted: Wanted, *, rounds: bool) -> set[fx.Node]:
    within = set(nodes)
    fellows: dict[object, list[fx.Node]] = defaultdict(list)
    if rounds:
        for node in nodes:
            if not is_part(node):  # which goes with what uses it
                fellows[mark(node)].append(node)
    live: set[fx.Node] = set()
    waiting = [node for node in nodes if wanted(node) or not within.issuperset(node.users)]
    while waiting:
        node = waiting.pop()
        if node in live or node not in within:
            continue
        live.add(node)
        waiting.extend(node.all_input_nodes)
        waiting.extend(_other_parts(node))
        waiting.extend(fellows.pop(mark(node), ()) if rounds else ())
    return live


def _other_parts(node: fx.Node) -> Iterable[fx.Node]:
    """The other items of the result that this is an item of: all are unpacked, or none."""
    if node.target is operator.getitem and "item" in node.meta:
        (source, *_) = node.all_input_nodes
        return [user for user in source.users if "item" in user.meta]
    return ()


def is_part(node: fx.Node) -> bool:
    """An item of another value, an attribute of self, or something without a place of its own in the
    user's file.
    """
    places = ("positions", "call_positions", "outer")
    is_read = node.op == "get_attr" or "item" in node.meta
    return is_read or not any(node.meta.get(key) for key in places)


def has_effect(node: fx.Node) -> bool:
    """Whether a call does something else than to compute: it changes a value, or draws one."""
    if node.op in ("placeholder", "output") or "mutates" in node.meta:
        return True
    if node.op == "call_module":
        child = node.meta.get("body")
        return child is None or any(
            inner.op not in ("placeholder", "output") for inner in child.graph.nodes
        )
    return node.target in (operator.setitem, setattr, block_runs, values_without) or is_random(node)


def is_bound(node: fx.Node) -> bool:
    """A call with an effect, or one of a loop, whose values go from round to round unseen."""
    return has_effect(node) or "loop" in node.meta or "head_of" in node.meta


def is_needed(node: fx.Node) -> bool:
    """A call with an effect, or what a loop that has its final form is made of."""
    return has_effect(node) or "kept" in node.meta or "head_of" in node.meta
