"""In-place calls → the plain call where nobody can tell, else a statement of its own."""

from __future__ import annotations

from torch import fx

from unfoldify.recording.changes import is_in_place, made_plain
from unfoldify.recording.loops.loop import in_block, stand_for, take_place
from unfoldify.recording.source import site


def settle(graph: fx.Graph) -> None:
    """A change that somebody else sees becomes a statement, whose value is the changed tensor."""
    made_plain(graph)
    for node in list(graph.nodes):
        if node.op != "call_method" or not is_in_place(node):
            continue
        target = node.args[0]
        assert isinstance(target, fx.Node)
        if node.target == "requires_grad_" and is_made_for(target, node):
            node.meta.pop("mutates")
            node.meta.pop("alias", None)
            target.meta["chained"] = True
        else:
            node.replace_all_uses_with(target)
            if in_block(node.meta.get("loop")):  # what a block changes may be made in front of it
                stand_for(target, node)
            else:
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
