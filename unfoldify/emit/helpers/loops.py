"""Copies of loops, and which calls will be rounds of loops over modules."""

from __future__ import annotations

from torch import fx

from unfoldify.recording.loops.copies import copies_of, loops_of
from unfoldify.recording.loops.rolling import roll
from unfoldify.recording.users_calls import Call


def written(graph: fx.Graph) -> set[Call]:
    """The calls of which the lines will be in the file: of the rounds of a loop, those of one.

    Loops over modules are made after this pass, so they are tried on a copy.
    """
    copy = twin(graph)
    roll(copy, over_modules=True)
    return {call for node in copy.nodes for call in node.meta.get("calls", ())}


def twin(graph: fx.Graph) -> fx.Graph:
    """A copy of a whole graph, with loops of its own."""
    copy = fx.Graph()
    new: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        new[node] = copy.node_copy(node, new.__getitem__)
    loops = copies_of(loops_of(graph.nodes), new)
    for node, its in new.items():
        its.meta = dict(node.meta)
        for key in ("loop", "head_of"):
            if key in its.meta:
                its.meta[key] = loops[its.meta[key]]
        if "list_of" in its.meta:
            its.meta["list_of"] = new[its.meta["list_of"]]
    return copy
