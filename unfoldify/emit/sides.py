"""Variables in what runs or else in its place: neither side sees what the other does to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import fx

from unfoldify.emit.lifetimes import last_uses, loop_ends
from unfoldify.emit.plan import Step
from unfoldify.emit.variables import Variables
from unfoldify.recording.loops.loop import Loop


@dataclass(eq=False)
class Sides:
    """The blocks with an `else`, and how the variables stand where that begins."""

    steps: list[Step]
    variables: Variables
    before: dict[Loop, list[fx.Node]] = field(default_factory=dict)  # who held a variable
    aside: dict[Loop, dict[fx.Node, int]] = field(default_factory=dict)  # last read in the `else`
    wanted: dict[fx.Node, fx.Node] = field(
        default_factory=dict
    )  # value of the `else` → of the block
    opened: dict[int, Loop] = field(default_factory=dict)  # by the statement that opens it
    closed: dict[int, list[Loop]] = field(default_factory=dict)  # by the statement behind it

    def __post_init__(self) -> None:
        ends = loop_ends(self.steps)
        for index, step in enumerate(self.steps):
            if step.opens is not None and step.opens in ends:
                self.opened[index] = step.opens
                if step.opens.side_of is not None:
                    self.closed.setdefault(ends[step.opens] + 1, []).insert(0, step.opens)

    def at(self, index: int) -> None:
        """Before a statement: blocks and their other sides begin and end."""
        for loop in self.closed.get(index, ()):
            self.leave(loop)
        begun = self.opened.get(index)
        if begun is None:
            return
        if begun.side_of is not None:
            self.go_aside(begun)
            return
        side = next((each for each in self.opened.values() if each.side_of is begun), None)
        if side is not None:
            self.enter(begun, side)

    def enter(self, block: Loop, side: Loop) -> None:
        """What only the other side still reads is free in the block."""
        last = self.variables.last
        self.before[block] = list(self.variables.holders.values())
        elsewhere = last_uses(self.steps, without=side)
        self.aside[block] = {
            node: last[node]
            for node in self.before[block]
            if node in last and elsewhere.get(node, -1) < last[node]
        }
        last.update({node: elsewhere.get(node, -1) for node in self.aside[block]})

    def go_aside(self, side: Loop) -> None:
        """The variables hold again what they held before the block."""
        block = side.side_of
        assert block is not None
        assert block.without is not None
        self.variables.last.update(self.aside[block])
        self.restore(block)
        others = block.without.args[1]
        self.wanted.update(zip(others, block.ends, strict=True))  # type: ignore[arg-type]

    def leave(self, side: Loop) -> None:
        """What goes on holds its variable, the rest of both sides is gone."""
        block = side.side_of
        assert block is not None
        self.restore(block)
        for end in block.ends:
            if end in self.variables.names:
                self.variables.take(end, self.variables.names[end])

    def restore(self, block: Loop) -> None:
        names = self.variables.names
        self.variables.holders = {names[node]: node for node in self.before[block]}

    def joined(self, node: fx.Node, at: int) -> Iterator[str]:
        """The variable of the block's value for which a value of the other side stands."""
        end = self.wanted.get(node)
        if end in self.variables.names and self.variables.is_free(self.variables.names[end], at):
            yield self.variables.names[end]
