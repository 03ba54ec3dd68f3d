"""What an argument of a call is in each round of a loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import fx

from unfoldify.recording.loops.items import OneOf, is_of_rows, item_of
from unfoldify.recording.loops.loop import Module, chain
from unfoldify.recording.loops.rounds import is_aside

Slot = TypeVar("Slot")
FEWEST = 5  # calls that a loop has to save which makes lists for single items, or goes over such


class NoLoop(Exception):  # noqa: N818 (it says what rounds are not, and is no error)
    """These rounds are no loop after all."""


@dataclass(frozen=True)
class Index:
    """`start + step * round`"""

    start: int
    step: int


@dataclass(frozen=True)
class Carried:
    """What the round before computed at `end`; `initial` in the first."""

    initial: Any  # a node or a number
    end: fx.Node


@dataclass(frozen=True)
class Grown:
    """A list to which each round adds the value at `end`: `layer(features)`, then
    `features.append(...)`.
    """

    initial: tuple[fx.Node, ...]
    end: fx.Node


@dataclass(frozen=True)
class Slots:
    """Reads the arguments of the same call in all rounds; `modules` grows by those that vary."""

    rounds: list[list[fx.Node]]
    place: dict[fx.Node, tuple[int, int]]  # call → its round, and where it is in it
    modules: list[Module]
    displays: bool = False  # whether `for x in (a, b, c)` will do
    rows: list[OneOf] = field(default_factory=list)  # what goes over such

    def of(self, values: list[Any]) -> Any:
        """What an argument is, given what each round gave."""
        first = values[0]
        if isinstance(first, fx.Node) or any(isinstance(v, fx.Node) for v in values):
            return self.node_slot(values)
        if isinstance(first, (tuple, list)):
            if isinstance(first, list) and len(values[1]) == len(first) + 1:
                return self.list_slot(values)
            if any(not isinstance(v, type(first)) or len(v) != len(first) for v in values):
                raise NoLoop
            return type(first)(self.of([v[i] for v in values]) for i in range(len(first)))
        if isinstance(first, dict):
            if any(v.keys() != first.keys() for v in values):
                raise NoLoop
            return {key: self.of([v[key] for v in values]) for key in first}
        if isinstance(first, slice):
            parts = [self.of([getattr(v, p) for v in values]) for p in ("start", "stop", "step")]
            return slice(*parts)
        if all(type(v) is type(first) and v == first for v in values):
            return first
        if all(type(v) is type(first) and type(v) in (int, float) for v in values):
            return self.number_slot(values)
        raise NoLoop

    def list_slot(self, values: list[Any]) -> Grown:
        """What was in the list before the loop, and one value of each round before."""
        first = values[0]
        offsets: set[int] = set()
        for number, value in enumerate(values):
            added = [self.place.get(item) for item in value[len(first) :]]
            if value[: len(first)] != first or [p and p[0] for p in added] != list(range(number)):
                raise NoLoop
            offsets |= {place[1] for place in added if place is not None}
        before = [v for v in first if isinstance(v, fx.Node) and v not in self.place]
        if len(offsets) != 1 or len(before) != len(first):
            raise NoLoop
        return Grown(tuple(first), self.rounds[0][offsets.pop()])

    def number_slot(self, values: list[Any]) -> Any:
        """A number that goes up with the rounds: the index, or a sum with it."""
        step = values[1] - values[0]
        if (
            type(step) is int
            and step
            and values == [values[0] + step * r for r in range(len(values))]
        ):
            return Index(values[0], step)
        return self.one_of(values)

    def one_of(self, values: list[Any]) -> OneOf:
        """The next of several values that were there before the first round."""
        if not self.displays or len(set(values)) < len(values):
            raise NoLoop
        if not all(map(self.is_before, values)) or any(map(is_of_rows, values)):
            raise NoLoop
        self.rows.append(OneOf(tuple(values), type(values[0])))
        return self.rows[-1]

    def node_slot(self, values: list[Any]) -> Any:
        if not all(isinstance(v, fx.Node) for v in values[1:]) or not isinstance(
            values[0], (fx.Node, int, float)
        ):
            raise NoLoop
        places = [self.place.get(v) if isinstance(v, fx.Node) else None for v in values]
        if all(p is not None and p[0] == r for r, p in enumerate(places)):
            offsets = {p[1] for p in places if p is not None}
            if len(offsets) == 1:
                return values[0]
        if places[0] is None and not self.is_before(values[0]):
            raise NoLoop
        if places[0] is None and all(p is not None and p[0] == r for r, p in enumerate(places[1:])):
            offsets = {p[1] for p in places[1:] if p is not None}
            if len(offsets) == 1:
                end = self.rounds[0][offsets.pop()]
                if "length" in end.meta and "val" not in end.meta:
                    raise NoLoop  # several results are handed on one by one, by their own names
                if end.target is getattr:
                    raise NoLoop  # a dtype or a shape, of which the first round reads another's
                return Carried(values[0], end)
        if any(p is not None for p in places) or not isinstance(values[0], fx.Node):
            raise NoLoop
        if all(v is values[0] for v in values):
            return values[0]
        if all(v.op == "get_attr" for v in values):
            self.note_module([str(v.target) for v in values], of_tensors=True)
            return values[0]
        return self.item_slot(values)

    def is_before(self, value: Any) -> bool:
        """Whether a value is there before the first round: not what a loop inside it is about."""
        inside = value.meta.get("head_of") if isinstance(value, fx.Node) else None
        first, second = (list(chain(round_[0].meta.get("loop"))) for round_ in self.rounds[:2])
        return inside is None or (inside in first and inside in second)

    def item_slot(self, values: list[fx.Node]) -> Any:
        """The next item of one sequence in each round, or the next of several values."""
        found = item_of(values)
        if found is not None:
            return found
        return self.one_of(values)

    def is_free(self) -> bool:
        """Whether any values or modules would do for what the rounds take."""
        return bool(self.rows) or any(not module.counts_up for module in self.modules)

    def is_worth_it(self) -> bool:
        """Whether a loop over values in a row is much shorter than its rounds one by one."""
        return not self.rows or self.saves(max(FEWEST, len(self.rounds) * len(set(self.rows)) + 1))

    def saves(self, fewest: int) -> bool:
        """Whether the loop is so many calls shorter than its rounds."""
        calls = sum(not is_aside(node) for node in self.rounds[0])
        return calls * (len(self.rounds) - 1) >= fewest

    def note_module(self, paths: list[str], *, of_tensors: bool = False) -> None:
        """Paths that differ in one part: the number in a list of modules, or the name of a module."""
        if len(set(paths)) == 1:
            return
        parts = [path.split(".") for path in paths]
        if len({len(p) for p in parts}) != 1:
            raise NoLoop
        varying = [i for i, column in enumerate(zip(*parts, strict=True)) if len(set(column)) > 1]
        if len(varying) != 1:
            raise NoLoop
        module = Module(tuple(".".join(p[: varying[0] + 1]) for p in parts))
        is_name = not all(label.isdigit() for label in module.labels)
        if self.is_of_inner_loop(module.path) or (
            is_name and of_tensors and module.path == paths[0]
        ):
            raise NoLoop
        if len(set(module.paths)) < len(paths):
            raise NoLoop  # two loops in one another, made one
        if all(m.paths != module.paths for m in self.modules):
            self.modules.append(module)

    def is_of_inner_loop(self, path: str) -> bool:
        """Whether a loop inside goes over what is another in each round: `self.blocks[2 * i + j]`."""
        around = {loop for node in self.rounds[0] for loop in chain(node.meta.get("loop"))}
        return any(module.path == path for loop in around for module in loop.modules)


def slots_in(value: Any, kind: type[Slot]) -> Iterator[Slot]:
    """All that rounds hand on, say, as the slots of their calls describe it."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from slots_in(item, kind)
    elif isinstance(value, dict):
        yield from slots_in(list(value.values()), kind)
    elif isinstance(value, slice):
        yield from slots_in([value.start, value.stop, value.step], kind)
