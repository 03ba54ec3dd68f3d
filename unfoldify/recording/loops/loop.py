"""Loops in a graph: what goes round, what varies, what is handed on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import fx

from unfoldify.recording.source import LoopHead


@dataclass(frozen=True, eq=False)
class Module:
    """Something of `self` that is another in each round: `self.blocks[0]`, `self.blocks[1]`, ...,
    or `self.conv1`, `self.conv2`, ...
    """

    paths: tuple[str, ...]

    @property
    def path(self) -> str:
        """That of the first round."""
        return self.paths[0]

    @property
    def container(self) -> str:
        return self.path.rpartition(".")[0]

    @property
    def labels(self) -> tuple[str, ...]:
        """What each round's is called in its container."""
        return tuple(path.rpartition(".")[2] for path in self.paths)

    @property
    def counts_up(self) -> bool:
        """Whether they are the items of a list in a row."""
        if not all(label.isdigit() for label in self.labels):
            return False
        numbers = [int(label) for label in self.labels]
        return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@dataclass(eq=False)
class Loop:
    """One loop: how often it goes round, what varies, what is handed on."""

    rounds: int
    modules: list[Module] = field(default_factory=list)
    sequences: dict[fx.Node, fx.Node] = field(
        default_factory=dict
    )  # sequence → the item of this round
    index: fx.Node | None = None
    carried: dict[fx.Node, fx.Node] = field(
        default_factory=dict
    )  # value at the start → value at the end
    collected: dict[fx.Node, fx.Node] = field(
        default_factory=dict
    )  # value of a round → the list of all
    variables: dict[Module, fx.Node] = field(
        default_factory=dict
    )  # what stands for the round's module
    unpacked: list[fx.Node] = field(
        default_factory=list
    )  # what stands for the parts of the round's module, where the user names the parts
    head: LoopHead | None = None
    counted: bool = False  # the number of rounds is a size: the index's argument
    parent: Loop | None = None
    test: fx.Node | None = None  # of a block that runs once or not at all: its `block_runs`
    ends: list[fx.Node] = field(default_factory=list)  # the values that are others without it
    without: fx.Node | None = None  # what those are then: its `values_without`
    side_of: Loop | None = None  # of what runs where a block does not: that block


def chain(loop: Loop | None) -> Iterator[Loop]:
    """A loop and those around it, the innermost first."""
    while loop is not None:
        yield loop
        loop = loop.parent


def in_block(loop: Loop | None) -> bool:
    """Whether a loop is a block that runs once or not at all, or stands in one."""
    return any(around.test is not None for around in chain(loop))


def repeating(loop: Loop | None) -> Loop | None:
    """The innermost loop, blocks that run once or not at all aside."""
    while loop is not None and loop.test is not None:
        loop = loop.parent
    return loop


def item_of_round(sequence: Any) -> Any:
    """Call target: the item of a sequence that this round is about."""
    raise NotImplementedError


def index_of_round() -> int:
    """Call target: the number of the round."""
    raise NotImplementedError


def carried_value(initial: Any) -> Any:
    """Call target: what the round before handed on; `initial` in the first."""
    return initial


def collected_list() -> list[Any]:
    """Call target: the values of all rounds, in a list."""
    raise NotImplementedError


def gathered(values: Any) -> Any:
    """Call target: several values of a round, as the one item that it puts into a list."""
    return values


def in_a_row(values: list[Any]) -> list[Any]:
    """Call target: several values that a loop goes over, as `(a, b, c)`."""
    return values


def spread(values: list[Any]) -> Any:
    """Call target: the values of a list, among others in a longer one: `(*hidden, x)`."""
    raise NotImplementedError


def block_runs(condition: Any, when: bool) -> None:
    """Call target: a block runs when the condition is so."""


def values_without(head: Any, instead: list[Any]) -> None:
    """Call target: where a block does not run, its values are these. It stands behind the block, and
    behind what runs in its place.
    """


SYNTHETIC = (
    item_of_round,
    index_of_round,
    carried_value,
    collected_list,
    gathered,
    spread,
    block_runs,
    values_without,
)


def gathered_in(node: fx.Node) -> Iterator[fx.Node]:
    """The values of a round that are one item of a list together."""
    if node.target is gathered or "inline" in node.meta:
        for each in node.all_input_nodes:
            yield each
            yield from gathered_in(each)


def fake_node(loop: Loop, module: Module) -> fx.Node:
    """Something to hold the name of the round's module."""
    node = fx.Graph().create_node("get_attr", module.path)
    node.meta["head_of"] = loop
    return node


def take_place(new: fx.Node, old: fx.Node) -> None:
    """Let `new` be for the loops around it what `old` was."""
    if "loop" in old.meta:
        new.meta.setdefault("loop", old.meta["loop"])
    stand_for(new, old)


def stand_for(new: fx.Node, old: fx.Node) -> None:
    """Let `new`, wherever it is, be what `old` was as the value that a loop leaves."""
    if not old.meta.pop("kept", False):
        return
    new.meta["kept"] = True
    loop: Loop | None = old.meta.get("loop")
    while loop is not None:
        loop.carried = {start: new if end is old else end for start, end in loop.carried.items()}
        loop.collected = {new if v is old else v: all_ for v, all_ in loop.collected.items()}
        loop.ends = [new if end is old else end for end in loop.ends]
        loop = loop.parent
