"""Until when each value of a forward is read, and what goes into and comes out of a layer's lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import fx

from unfoldify.emit.plan import Step
from unfoldify.emit.uses import is_trivial
from unfoldify.recording.loops.loop import Loop, chain, repeating, spread


def carriers(loop: Loop | None) -> dict[fx.Node, fx.Node]:
    """value at the end of a round → value at its start."""
    loop = repeating(loop)
    return {} if loop is None else {end: start for start, end in loop.carried.items()}


def last_uses(steps: list[Step], without: Loop | None = None) -> dict[fx.Node, int]:
    """The last statement that reads each value; what a loop reads from outside it reads in every
    round. Nothing is read in what runs `without` a block, but by rounds that are still to come.
    """
    last: dict[fx.Node, int] = {}
    ends = loop_ends(steps)
    for index, step in enumerate(steps):
        around = [loop for loop in chain(step.loop) if loop.test is None]
        is_aside = without is not None and without in (step.opens, *chain(step.loop))
        for node in [*step.tree, *(heads(step.opens) if step.opens else ())]:
            for operand in operands(node):
                own = set(chain(operand.meta.get("head_of") or operand.meta.get("loop")))
                foreign = [loop for loop in around if loop not in own]
                # what every round reads, the last statement of a round must leave alone as well
                until = ends[foreign[-1]] + 1 if foreign else index
                if foreign or not is_aside:
                    last[operand] = max(last.get(operand, -1), until)
    for loop, end in ends.items():
        if loop.side_of is not None and loop is not without:
            for value in read_at_end(loop.side_of):
                last[value] = max(last.get(value, -1), end + 1)
    return last


def read_at_end(block: Loop) -> Iterator[fx.Node]:
    """What the values of a block are where something else runs in its place."""
    assert block.without is not None
    for value in block.without.all_input_nodes:
        if value is not block.test:
            yield from (*operands(value), value) if is_trivial(value) else (value,)


def heads(loop: Loop) -> Iterator[fx.Node]:
    """What is written in front of a loop, or in its head; a block without another side reads there
    what its values are if it does not run.
    """
    yield from (*loop.carried, *loop.sequences.values())
    yield from loop.collected.values()  # of what is in a list before the first round
    yield from filter(None, (loop.index, loop.test, loop.without))


def loop_ends(steps: list[Step]) -> dict[Loop, int]:
    """The last statement of each loop."""
    ends: dict[Loop, int] = {}
    for index, step in enumerate(steps):
        for loop in chain(step.loop):
            ends[loop] = index
    return ends


def operands(node: fx.Node) -> Iterator[fx.Node]:
    """The values that a call reads, through the trivial ones and those written with a star."""
    for operand in node.all_input_nodes:
        if is_trivial(operand) or operand.target is spread:
            yield from operands(operand)
        yield operand


def group_results(steps: list[Step]) -> dict[Any, fx.Node]:
    """group → the value that leaves it."""
    return {
        step_node.meta["group"]: step_node
        for step in steps
        for step_node in step.tree
        if step_node.meta.get("result") and "group" in step_node.meta
    }


def group_sources(steps: list[Step]) -> dict[Any, fx.Node]:
    """group → the first value that goes into it."""
    sources: dict[Any, fx.Node] = {}
    for step in steps:
        for node in step.tree:
            group = node.meta.get("group")
            if group is None or group in sources:
                continue
            for operand in operands(node):
                if (
                    operand.meta.get("group") is not group
                    and operand.op != "get_attr"
                    and not is_trivial(operand)
                ):
                    sources[group] = operand
                    break
    return sources
