"""Buffers that are given a new value while the model runs, and what they held before.

An attribute is written where it is used. Where the model keeps the old value (`old = self.child.u`)
and uses it after the attribute has another, the file keeps it as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import fx

from unfoldify.recording.body import Body
from unfoldify.recording.paths import joined


def hold_old_values(body: Body) -> None:
    """Give a line of its own, in front of the assignment, to what is used behind it."""
    nodes = list(body.graph.nodes)
    order = {node: index for index, node in enumerate(nodes)}
    new = [(path, node) for node in nodes for path in rebound_by(node)]
    for path, rebinding in new:
        for read in nodes:
            if read.op != "get_attr" or read.target != path or order[read] > order[rebinding]:
                continue
            late = {user for user in read.users if order[user] > order[rebinding]}
            if late:
                held = hold(body.graph, read, rebinding)
                read.replace_all_uses_with(held, late.__contains__)
                nodes[:] = body.graph.nodes
                order = {node: index for index, node in enumerate(nodes)}


def hold(graph: fx.Graph, read: fx.Node, rebinding: fx.Node) -> fx.Node:
    """`old = self.child.u`"""
    owner, _, name = str(read.target).rpartition(".")
    with graph.inserting_before(rebinding):
        held = graph.call_function(getattr, (graph.create_node("get_attr", owner), name))
    held.meta.update(val=read.meta["val"], name=f"old_{name}", own_line=True)
    held.meta["positions"] = rebinding.meta.get("positions", ())
    return held


def rebound_by(node: fx.Node) -> Iterator[str]:
    """The paths of the attributes to which a node gives another value."""
    args: tuple[Any, ...] = node.args
    if node.target is setattr and args[0].op == "get_attr":
        yield joined(str(args[0].target), args[1])
    child: Body | None = node.meta.get("body")
    if child is not None:
        for inner in child.graph.nodes:
            for path in rebound_by(inner):
                yield joined(str(node.target), path)
