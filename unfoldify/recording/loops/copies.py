"""The same loops about other nodes: of a graph that is copied, whole or in part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import fx

from unfoldify.recording.loops.loop import Loop, chain


def loops_of(nodes: Iterable[fx.Node]) -> set[Loop]:
    """The loops that calls stand in or head, with those around them."""
    around = (node.meta.get("loop") or node.meta.get("head_of") for node in nodes)
    return {loop for each in around for loop in chain(each)}


def copies_of(loops: Iterable[Loop], new: Mapping[fx.Node, fx.Node]) -> dict[Loop, Loop]:
    """The same loops about other nodes."""
    copies = {
        loop: Loop(loop.rounds, list(loop.modules), head=loop.head, counted=loop.counted)
        for loop in loops
    }
    for loop, copy in copies.items():
        copy.parent = copies.get(loop.parent) if loop.parent is not None else None
        copy.side_of = copies.get(loop.side_of) if loop.side_of is not None else None
        copy.index = new[loop.index] if loop.index is not None else None
        copy.test = new[loop.test] if loop.test is not None else None
        copy.without = new[loop.without] if loop.without is not None else None
        copy.ends = [new[node] for node in loop.ends]
        for mine, its in (
            (copy.sequences, loop.sequences),
            (copy.carried, loop.carried),
            (copy.collected, loop.collected),
        ):
            mine.update({new[key]: new[value] for key, value in its.items()})
    return copies
