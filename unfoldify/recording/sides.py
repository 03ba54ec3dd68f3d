"""Two ways of a decision → one graph: a block that runs if it is so, and what runs in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import Tensor, fx

from unfoldify.recording.asked import ROOTS
from unfoldify.recording.body import Body
from unfoldify.recording.choices import put_choices
from unfoldify.recording.dead import has_effect
from unfoldify.recording.forks import Fork
from unfoldify.recording.joins import NoFork
from unfoldify.recording.loops.copies import copies_of, loops_of
from unfoldify.recording.loops.loop import Loop, block_runs, values_without
from unfoldify.recording.paths import joined

OF_NODES = ("mutates", "alias", "dtype_from")  # what is known of a node, as other nodes


def decides(found: Fork) -> bool:
    """Whether anything comes of a decision."""
    return bool(found.meeting.choices) or has_block(found)


def put_under_if(found: Fork) -> dict[str, Tensor]:
    """What both runs do, in the first one's graph. Answers the constants of the other run."""
    if not decides(found):
        return {}
    meeting, constants, known = found.meeting, dict[str, Tensor](), found.meeting.fellows
    if has_block(found):
        constants = put_block(found)
    else:  # numbers are made on both sides, and one of them is taken
        new, _ = copied(found, meeting.at.prev)
        known = {**known, **new}
    put_choices(found.decision, meeting.choices, meeting.at, known)
    return constants


def has_block(found: Fork) -> bool:
    """Whether calls are decided about, and not numbers alone."""
    return bool(found.meeting.instead) or any(map(has_effect, (*found.nodes, *found.others)))


def put_block(found: Fork) -> dict[str, Tensor]:
    """The block becomes a loop that goes round once or not at all, and so does what runs in its place.
    Answers the constants of the other run.
    """
    decision, first, last = found.decision, found.nodes[0], found.nodes[-1]
    graph = decision.body.graph
    with graph.inserting_before(first):
        head = graph.call_function(block_runs, (decision.condition, decision.outcome))
    new, last = copied(found, last)
    with graph.inserting_after(last):
        instead = [new.get(other, other) for other in found.meeting.instead.values()]
        without = graph.call_function(values_without, (head, instead))
    around = first.meta.get("loop")
    block = Loop(1, parent=around, test=head, ends=list(found.meeting.instead), without=without)
    side = Loop(1, parent=around, test=head, side_of=block)
    head.meta.update(head_of=block, positions=decision.condition.meta.get("positions", ()))
    without.meta["head_of"] = side
    take_in(block, first, found.nodes[-1])
    for loop in loops_of(new.values()):
        loop.parent = loop.parent or side
    for node in new.values():
        if node.op != "get_attr" and not {"loop", "head_of"} & node.meta.keys():
            node.meta["loop"] = side
    for value in (*found.meeting.instead, *(n for n in instead if n in new.values())):
        if value.op != "get_attr":
            value.meta["kept"] = True
    return dict(constants_of(new, decision.body))


def take_in(loop: Loop, first: fx.Node, last: fx.Node) -> None:
    """All calls from one to another stand in a loop, and what they stand in does."""
    node = first
    while True:
        if node.meta.get("loop") is not loop.parent:
            raise NoFork
        if node.op != "get_attr":
            node.meta["loop"] = loop
        if node is last:
            break
        node = node.next


def copied(found: Fork, last: fx.Node) -> tuple[dict[fx.Node, fx.Node], fx.Node]:
    """What the turned run did on its side, behind a call of the first one; and the last node there."""
    body, known = found.decision.body, dict(found.meeting.fellows)
    new: dict[fx.Node, fx.Node] = {}
    for node in dict.fromkeys(wanted(found)):
        if node in known:
            continue
        with body.graph.inserting_after(last):
            new[node] = known[node] = last = body.graph.node_copy(node, known.__getitem__)
        last.meta = dict(node.meta)
        if "constant" in node.meta:
            last.target = take_constant(body, str(node.target), node.meta["constant"])
    loops = copies_of(loops_of(new), known)
    for node, copy in new.items():
        adapt(node, copy, body, known, loops)
    return new, last


def wanted(found: Fork) -> Iterator[fx.Node]:
    """The calls of the turned run's side, with the attributes that they read or that go on."""
    for value in found.meeting.instead.values():
        if value.op == "get_attr" and value not in found.meeting.fellows.values():
            yield value
    node, end = found.between
    while (node := node.next) is not end:
        yield from (operand for operand in node.all_input_nodes if operand.op == "get_attr")
        if node.op not in ROOTS:
            yield node


def adapt(
    node: fx.Node,
    copy: fx.Node,
    body: Body,
    known: dict[fx.Node, fx.Node],
    loops: dict[Loop, Loop],
) -> None:
    """Let what is known of a copied node speak of the nodes of its graph."""
    for key in OF_NODES:
        if copy.meta.get(key) is not None:
            copy.meta[key] = fx.node.map_arg(copy.meta[key], lambda n: known.get(n, n))
    for key in ("loop", "head_of"):
        if key in copy.meta:
            copy.meta[key] = loops[copy.meta[key]]
    child: Body | None = node.meta.get("body")
    if child is not None:
        child.parent, child.call = body, copy
        child.parameters = [
            each if each.outer is None else replace(each, outer=known[each.outer])
            for each in child.parameters
        ]


def take_constant(body: Body, path: str, tensor: Tensor) -> str:
    """The name under which a body keeps a constant of another run."""
    count = len(body.constants)
    while path in body.constants and body.constants[path] is not tensor:
        path, count = f"constant{count}", count + 1
    body.constants[path] = tensor
    return path


def constants_of(new: dict[fx.Node, fx.Node], body: Body) -> Iterator[tuple[str, Any]]:
    """The constants of copied calls, by their paths in the model."""
    for node in new.values():
        if "constant" in node.meta:
            yield joined(body.path, str(node.target)), node.meta["constant"]
        child: Body | None = node.meta.get("body")
        if child is not None:
            inner = {n: n for n in child.graph.nodes}
            yield from constants_of(inner, child)
