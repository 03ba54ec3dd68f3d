"""Blocks that run or not: dropped layers, an early return by chance, what the first call sets up.

A run goes one way. Where a number that was drawn decided it, or another value, the model runs again,
once with each decision turned. What is missing in one of two runs is a block, and it stands in the
file under an `if`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from torch import fx

from unfoldify.recording.body import Body
from unfoldify.recording.capture import Recording
from unfoldify.recording.dead import has_effect
from unfoldify.recording.decisions import MOST, Decision, Outcomes
from unfoldify.recording.loops.loop import Loop, block_runs

DEEPEST = 4  # blocks in blocks that the first run skips

Run = Callable[..., Recording]


class NoBlock(Exception):  # noqa: N818 (it says what two runs do not show, and is no error)
    """The other way is not the first one without a block."""


@dataclass(frozen=True)
class Block:
    """Calls that a decision skips, and what stands for their values then."""

    decision: Decision
    nodes: list[fx.Node]
    instead: dict[fx.Node, fx.Node]  # value of the block → the one that goes on without it


def with_blocks(run: Run, recording: Recording) -> Recording:
    """The recording with its blocks under an `if`, as far as blocks are all that is decided."""
    if not 0 < len(recording.decisions) <= MOST:
        return recording
    with suppress(Exception):  # NoBlock, or it does not run another way
        base, blocks = in_blocks(run)
        for each in blocks:
            put_under_if(each)
        said = [each.decision.read for each in blocks]
        return replace(base, reads=tuple(r for r in base.reads if not any(r is s for s in said)))
    return recording


def in_blocks(run: Run) -> tuple[Recording, list[Block]]:
    """A run that goes through every block, and these."""
    outcomes = Outcomes()
    for _ in range(DEEPEST):
        base = run(outcomes=outcomes)
        found, skipped = [], set[int]()
        for number, decision in enumerate(base.decisions):
            with suppress(*(() if decision.drawn else (Exception,))):  # then it is told
                turned = run(outcomes=outcomes.turn([number]))
                if length(turned, number) > length(base, number):
                    block(turned, base, number)
                    skipped.add(number)
                else:
                    found.append(block(base, turned, number))
        if not skipped:
            return base, found
        outcomes = outcomes.turn(skipped)
    raise NoBlock  # a loop that goes on as long as it is told to


def length(recording: Recording, number: int) -> int:
    """How many calls come after a decision."""
    return len(parted(recording.decisions[number])[1])


def block(base: Recording, turned: Recording, number: int) -> Block:
    """What one decision, turned, leaves out."""
    ours, theirs = base.decisions[number], turned.decisions[number]
    if ours.body.path != theirs.body.path:
        raise NoBlock
    before, after = parted(ours)
    their_before, their_after = parted(theirs)
    count = len(after) - len(their_after)
    if count <= 0 or len(before) != len(their_before):
        raise NoBlock
    pairs = [*zip(before, their_before, strict=True), *zip(after[count:], their_after, strict=True)]
    fellows = {**roots(theirs.body, ours.body), **{b: a for a, b in pairs}}
    nodes = after[:count]
    instead: dict[fx.Node, fx.Node] = {}
    for a, b in pairs:
        if (a.op, a.target) != (b.op, b.target):
            raise NoBlock
        for mine, other in leaves((a.args, a.kwargs), (b.args, b.kwargs)):
            meant = fellows.get(other)
            if meant is mine:
                continue
            if (
                meant is None
                or mine not in nodes
                or meant in nodes
                or instead.get(mine, meant) is not meant
            ):
                raise NoBlock
            instead[mine] = meant
    changed = {value for node in nodes for value in node.meta.get("mutates", ())}
    if any(value.op != "get_attr" and value not in nodes for value in changed):
        raise NoBlock  # who reads a view of it reads what may have been changed
    return Block(ours, nodes, instead)


def parted(decision: Decision) -> tuple[list[fx.Node], list[fx.Node]]:
    """The calls of a body before a decision and after it."""
    nodes = list(decision.body.graph.nodes)
    place = nodes.index(decision.after) + 1
    parts = nodes[:place], nodes[place:]
    first, second = ([n for n in part if n.op not in ("placeholder", "get_attr")] for part in parts)
    return first, second


def roots(theirs: Body, ours: Body) -> dict[fx.Node, fx.Node]:
    """The arguments and attributes of one body, by those of the other."""
    known = {
        (node.op, node.target): node
        for node in ours.graph.nodes
        if node.op in ("placeholder", "get_attr")
    }
    return {
        node: known[node.op, node.target]
        for node in theirs.graph.nodes
        if (node.op, node.target) in known
    }


def leaves(ours: Any, theirs: Any) -> Iterator[tuple[fx.Node, fx.Node]]:
    """The nodes of two calls' arguments, side by side; the rest must be the same."""
    if isinstance(ours, fx.Node) and isinstance(theirs, fx.Node):
        yield ours, theirs
    elif isinstance(ours, (tuple, list)) and isinstance(theirs, (tuple, list)):
        if len(ours) != len(theirs):
            raise NoBlock
        for mine, other in zip(ours, theirs, strict=True):
            yield from leaves(mine, other)
    elif isinstance(ours, dict) and isinstance(theirs, dict):
        if ours.keys() != theirs.keys():
            raise NoBlock
        for key in ours:
            yield from leaves(ours[key], theirs[key])
    elif isinstance(ours, slice) and isinstance(theirs, slice):
        for part in ("start", "stop", "step"):
            yield from leaves(getattr(ours, part), getattr(theirs, part))
    elif isinstance(ours, fx.Node) or isinstance(theirs, fx.Node) or ours != theirs:
        raise NoBlock


def put_under_if(found: Block) -> None:
    """A block becomes a loop that goes round once or not at all: then its values are others."""
    if not found.instead and not any(map(has_effect, found.nodes)):
        return
    graph, first = found.decision.body.graph, found.nodes[0]
    with graph.inserting_before(first):
        head = graph.call_function(
            block_runs,
            (found.decision.condition, found.decision.outcome, list(found.instead.values())),
        )
    around = first.meta.get("loop")
    loop = Loop(1, parent=around, test=head, ends=list(found.instead))
    head.meta.update(head_of=loop, positions=found.decision.condition.meta.get("positions", ()))
    inside, last = head.next, found.nodes[-1]
    while True:
        if inside.meta.get("loop") is not around:
            raise NoBlock
        if inside.op != "get_attr":
            inside.meta["loop"] = loop
        if inside is last:
            break
        inside = inside.next
    for value in found.instead:
        value.meta["kept"] = True
