"""Copies of loops, and which calls will be rounds of loops over modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import fx

from unfoldify.recording.loops.loop import Loop, chain
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
    around = (node.meta.get("loop") or node.meta.get("head_of") for node in graph.nodes)
    loops = copies_of({loop for each in around for loop in chain(each)}, new)
    for node, its in new.items():
        its.meta = dict(node.meta)
        for key in ("loop", "head_of"):
            if key in its.meta:
                its.meta[key] = loops[its.meta[key]]
        if "list_of" in its.meta:
            its.meta["list_of"] = new[its.meta["list_of"]]
    return copy


def copies_of(loops: Iterable[Loop], new: Mapping[fx.Node, fx.Node]) -> dict[Loop, Loop]:
    """The same loops about other nodes."""
    copies = {
        loop: Loop(loop.rounds, list(loop.modules), head=loop.head, counted=loop.counted)
        for loop in loops
    }
    for loop, copy in copies.items():
        copy.parent = copies.get(loop.parent) if loop.parent is not None else None
        copy.index = new[loop.index] if loop.index is not None else None
        copy.test = new[loop.test] if loop.test is not None else None
        copy.ends = [new[node] for node in loop.ends]
        for mine, its in (
            (copy.sequences, loop.sequences),
            (copy.carried, loop.carried),
            (copy.collected, loop.collected),
        ):
            mine.update({new[key]: new[value] for key, value in its.items()})
    return copies
