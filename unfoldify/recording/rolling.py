"""Calls that one loop of the user's made again and again → one loop.

A recording is a straight line. Where the same places of the source made the same calls several
times in a row, only with the next module, the next item or the result of the round before, the
first round stays as the body of a loop and the others go.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import fx

from unfoldify.recording.kept import Kept
from unfoldify.recording.loops import (
    Loop,
    Module,
    carried_value,
    collected_list,
    index_of_round,
    item_of_round,
)
from unfoldify.recording.source import loop_head

LONGEST = 400  # calls in one round
BY_POSITION = ("positions", "call_positions", "outer")


class NoLoop(Exception):  # noqa: N818 (it says what rounds are not, and is no error)
    """These rounds are no loop after all."""


def roll(graph: fx.Graph, *, over_modules: bool) -> None:
    """Fold, in place, every run of equal rounds; inner loops first.

    Loops over modules only with `over_modules`: their rounds are spelled out one by one before.
    """
    changed = True
    while changed:
        changed = False
        nodes = [
            node for node in graph.nodes if node.op not in ("placeholder", "output", "get_attr")
        ]
        marks = [mark(node) for node in nodes]
        for start, length, rounds in candidates(nodes, marks):
            try:
                Roller(graph, nodes[start : start + length * rounds], length).fold(over_modules)
            except NoLoop:
                continue
            changed = True
            break


def mark(node: fx.Node) -> Any:
    """What is the same for one call in every round."""
    where = tuple(node.meta.get(key, ()) for key in BY_POSITION)
    if not any(where):
        where = ("unknown", id(node)) if node.target not in (getattr, operator.getitem) else ()
    target = re.sub(r"\d+", "#", node.target) if isinstance(node.target, str) else node.target
    loop: Loop | None = node.meta.get("loop")
    return (
        node.op,
        target,
        where,
        None if loop is None else (loop.rounds, len(loop.carried)),
        node.meta.get("grad"),
    )


def candidates(nodes: list[fx.Node], marks: list[Any]) -> Iterator[tuple[int, int, int]]:
    """(start, calls in a round, rounds), short rounds first."""
    count = len(nodes)
    places: dict[Any, list[int]] = {}
    for index, this in enumerate(marks):
        places.setdefault(this, []).append(index)
    lengths = sorted({b - a for found in places.values() for a, b in itertools.pairwise(found)})
    for length in lengths:
        if length > LONGEST:
            return
        start = 0
        while start + 2 * length <= count:
            rounds = 1
            while (
                marks[start : start + length]
                == marks[start + rounds * length : start + (rounds + 1) * length]
            ):
                rounds += 1
            if rounds > 1:
                yield start, length, rounds
                start += 1
            else:
                start += 1


class Roller:
    """Checks that rounds are a loop, then folds them."""

    def __init__(self, graph: fx.Graph, nodes: list[fx.Node], length: int) -> None:
        self.graph = graph
        self.rounds = [nodes[i : i + length] for i in range(0, len(nodes), length)]
        self.place = {
            node: (r, o) for r, nodes_ in enumerate(self.rounds) for o, node in enumerate(nodes_)
        }
        self.loop = Loop(len(self.rounds), parent=self.rounds[0][0].meta.get("loop"))
        self.synthetic: dict[Any, fx.Node] = {}
        self.plans: list[tuple[fx.Node, Any, Any]] = []
        self.carried: list[Carried] = []

    def fold(self, over_modules: bool) -> None:
        first = self.rounds[0]
        inside = set(self.place)
        if all(node.target in (operator.getitem, getattr) for node in first):
            raise NoLoop
        self.check_inner_loops()
        self.loop.head = next(
            (head for head in (loop_head(p) for p in all_positions(first)) if head), None
        )
        if self.loop.head is None:
            raise NoLoop
        for offset, node in enumerate(first):
            fellows = [nodes[offset] for nodes in self.rounds]
            args = self.slot([f.args for f in fellows], offset)
            kwargs = self.slot([f.kwargs for f in fellows], offset)
            self.check_call(fellows)
            self.plans.append((node, args, kwargs))
        if self.loop.modules and not over_modules:
            raise NoLoop
        self.carried = list(carried_in([(args, kwargs) for _, args, kwargs in self.plans]))
        outside = self.uses_outside(inside)
        for plan in self.plans:  # nothing may fail from here on
            self.apply(*plan)
        self.finish(outside)

    # -- what an argument is in each round -----------------------------------------------------

    def slot(self, values: list[Any], offset: int) -> Any:
        first = values[0]
        if isinstance(first, fx.Node) or any(isinstance(v, fx.Node) for v in values):
            return self.node_slot(values)
        if isinstance(first, (tuple, list)):
            if any(not isinstance(v, type(first)) or len(v) != len(first) for v in values):
                raise NoLoop
            return type(first)(self.slot([v[i] for v in values], offset) for i in range(len(first)))
        if isinstance(first, dict):
            if any(v.keys() != first.keys() for v in values):
                raise NoLoop
            return {key: self.slot([v[key] for v in values], offset) for key in first}
        if isinstance(first, slice):
            parts = [
                self.slot([getattr(v, p) for v in values], offset)
                for p in ("start", "stop", "step")
            ]
            return slice(*parts)
        if all(type(v) is type(first) and v == first for v in values):
            return first
        if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
            return self.number_slot(values)
        raise NoLoop

    def number_slot(self, values: list[int]) -> Any:
        """A number that goes up with the rounds: the index, or a sum with it."""
        step = values[1] - values[0]
        if step == 0 or any(v != values[0] + step * r for r, v in enumerate(values)):
            raise NoLoop
        return Index(values[0], step)

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
        if places[0] is None and all(p is not None and p[0] == r for r, p in enumerate(places[1:])):
            offsets = {p[1] for p in places[1:] if p is not None}
            if len(offsets) == 1:
                end = self.rounds[0][offsets.pop()]
                if "length" in end.meta and "val" not in end.meta:
                    raise NoLoop  # several results are handed on one by one, by their own names
                return Carried(values[0], end)
        if any(p is not None for p in places) or not isinstance(values[0], fx.Node):
            raise NoLoop
        if all(v is values[0] for v in values):
            return values[0]
        if all(v.op == "get_attr" for v in values):
            self.note_module([str(v.target) for v in values])
            return values[0]
        return self.item_slot(values)

    def item_slot(self, values: list[fx.Node]) -> Any:
        """The next item of one sequence in each round."""
        first = values[0]
        if any(v.target is not operator.getitem for v in values):
            raise NoLoop
        sequence = first.args[0]
        if not isinstance(sequence, fx.Node) or any(v.args[0] is not sequence for v in values):
            raise NoLoop
        if [v.args[1] for v in values] != list(range(len(values))) or sequence.meta.get(
            "length"
        ) != len(values):
            raise NoLoop
        return Item(sequence)

    def note_module(self, paths: list[str]) -> None:
        """Paths that differ in one number, which goes up with the rounds."""
        if len(set(paths)) == 1:
            return
        parts = [path.split(".") for path in paths]
        if len({len(p) for p in parts}) != 1:
            raise NoLoop
        varying = [i for i, column in enumerate(zip(*parts, strict=True)) if len(set(column)) > 1]
        column = [p[varying[0]] for p in parts]
        if len(varying) != 1 or not all(c.isdigit() for c in column):
            raise NoLoop
        start = int(column[0])
        if [int(c) for c in column] != list(range(start, start + len(column))):
            raise NoLoop
        module = Module(".".join(parts[0][: varying[0]]), start)
        if all(m.path != module.path for m in self.loop.modules):
            self.loop.modules.append(module)

    def check_call(self, fellows: list[fx.Node]) -> None:
        if fellows[0].op == "call_module":
            self.note_module([str(f.target) for f in fellows])
            signatures = {
                (
                    tuple(p.name for p in f.meta["body"].parameters if p.node is not None),
                    f.meta.get("method"),
                )
                for f in fellows
                if "body" in f.meta
            }
            if (
                len({shape_of_graph(f.meta["body"].graph) for f in fellows if "body" in f.meta}) > 1
                and not self.loop.modules
            ):
                raise NoLoop
            if len(signatures) > 1 or len({"body" in f.meta for f in fellows}) > 1:
                raise NoLoop
        groups: list[Any] = [f.meta.get("group") for f in fellows]
        if any((g is None) != (groups[0] is None) for g in groups):
            raise NoLoop
        if groups[0] is not None:
            if len({(g.function, g.text, g.style, g.why) for g in groups}) > 1:
                raise NoLoop
            self.note_module([g.layer for g in groups])

    def check_inner_loops(self) -> None:
        """Every round holds whole inner loops, and none of them reaches out of its round."""
        for nodes in self.rounds:
            if (
                len(
                    {
                        id(node.meta.get("loop"))
                        for node in nodes
                        if node.meta.get("loop") is self.loop.parent
                    }
                )
                > 1
            ):
                raise NoLoop
        for node in self.rounds[0]:
            loop = node.meta.get("loop")
            while loop is not self.loop.parent:
                if loop is None:
                    raise NoLoop
                loop = loop.parent

    # -- what is used afterwards ---------------------------------------------------------------

    def uses_outside(self, inside: set[fx.Node]) -> dict[Kept, list[fx.Node]]:
        """Values of the last round may be used behind the loop; those of all rounds only in one
        list.
        """
        outside: dict[Kept, list[fx.Node]] = {}
        last = len(self.rounds) - 1
        for node, (number, offset) in self.place.items():
            for user in node.users:
                if user in inside:
                    continue
                kept = next((k for k in self.lists(offset) if k.is_all_that(user, node)), None)
                if kept is not None:
                    outside.setdefault(kept, [])
                    outside[kept] += [user] if user not in outside[kept] else []
                elif number != last:
                    raise NoLoop
        return outside

    def lists(self, offset: int) -> Iterator[Kept]:
        """The lists that a loop may fill with a value: as each round finds it, or as it leaves it."""
        fellows = tuple(nodes[offset] for nodes in self.rounds)
        for carried in self.carried:
            if carried.end is fellows[0] and isinstance(carried.initial, fx.Node):
                yield Kept(carried, (carried.initial, *fellows[:-1]))
        yield Kept(fellows[0], fellows)

    # -- folding -------------------------------------------------------------------------------

    def apply(self, node: fx.Node, args: Any, kwargs: Any) -> None:
        node.args = tuple(self.real(arg) for arg in args)
        node.kwargs = {key: self.real(value) for key, value in kwargs.items()}

    def real(self, value: Any) -> Any:
        """What a slot's description stands for, as nodes."""
        if isinstance(value, Index):
            return self.index_node(value)
        if isinstance(value, Carried):
            return self.make(carried_value, (value.initial,), key=(value.initial, value.end))
        if isinstance(value, Item):
            return self.make(item_of_round, (value.sequence,), key=value.sequence)
        if isinstance(value, (tuple, list)):
            return type(value)(self.real(v) for v in value)
        if isinstance(value, dict):
            return {key: self.real(v) for key, v in value.items()}
        if isinstance(value, slice):
            return slice(self.real(value.start), self.real(value.stop), self.real(value.step))
        return value

    def make(self, target: Any, args: tuple[Any, ...], key: Any) -> fx.Node:
        if key not in self.synthetic:
            with self.graph.inserting_before(self.rounds[0][0]):
                node = self.graph.call_function(target, args)
            node.meta["head_of"] = self.loop
            self.describe(node, target, key)
            if target is carried_value:
                self.loop.carried[node] = key[1]
            elif target is item_of_round:
                self.loop.sequences[key] = node
            else:
                self.loop.index = node
            self.synthetic[key] = node
        return self.synthetic[key]

    def describe(self, node: fx.Node, target: Any, key: Any) -> None:
        """What the value is in the first round, for rules and for other passes."""
        if target is index_of_round:
            node.meta["value"] = 0
            return
        example = key[1] if target is carried_value else next(iter(key.users))
        if target is carried_value and isinstance(key[0], fx.Node) and "val" in key[0].meta:
            example = key[0]
        node.meta.update({k: example.meta[k] for k in ("val", "value") if k in example.meta})

    def index_node(self, index: Index) -> fx.Node:
        """`start + step * round`, as a person writes it: `t + 1`, `3 - t`, `-t - 2`."""
        node = self.make(index_of_round, (), key="index")
        if index.step == -1 and index.start > 0:
            return self.inline(operator.sub, (index.start, node))
        if index.step == -1:
            node = self.inline(operator.neg, (node,))
        elif index.step != 1:
            node = self.inline(operator.mul, (node, index.step))
        if index.start > 0:
            return self.inline(operator.add, (node, index.start))
        return self.inline(operator.sub, (node, -index.start)) if index.start < 0 else node

    def inline(self, function: Any, args: tuple[Any, ...]) -> fx.Node:
        with self.graph.inserting_before(self.rounds[0][0]):
            node = self.graph.call_function(function, args)
        node.meta["loop"] = self.loop
        node.meta["inline"] = True
        return node

    def finish(self, outside: dict[Kept, list[fx.Node]]) -> None:
        """Redirect what came behind the loop, mark the body, drop the other rounds."""
        last = self.rounds[-1]
        for kept, users in outside.items():
            with self.graph.inserting_before(self.rounds[0][0]):
                collected = self.graph.call_function(collected_list, ())
            value = self.real(kept.value) if isinstance(kept.value, Carried) else kept.value
            collected.meta["list_of"] = value
            self.loop.collected[value] = collected
            for user in users:
                kept.replace(user, collected)
        for offset, node in enumerate(last):
            node.replace_all_uses_with(self.rounds[0][offset], lambda user: user not in self.place)
        for node in (*self.loop.carried.values(), *self.loop.collected):
            node.meta["kept"] = True
        for nodes in reversed(self.rounds[1:]):
            for node in reversed(nodes):
                self.graph.erase_node(node)
        for sequence in self.loop.sequences:
            for item in list(sequence.users):
                if item.target is operator.getitem and not item.users:
                    self.graph.erase_node(item)
        for node in self.rounds[0]:
            inner: Any = node.meta.get("loop")
            if inner is self.loop.parent:
                node.meta["loop"] = self.loop
            else:
                while inner.parent is not self.loop.parent and inner.parent is not self.loop:
                    inner = inner.parent
                inner.parent = self.loop


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
class Item:
    """The round's item of a sequence."""

    sequence: fx.Node


def carried_in(value: Any) -> Iterator[Carried]:
    """All that rounds hand on, as the slots of their calls describe it."""
    if isinstance(value, Carried):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from carried_in(item)
    elif isinstance(value, dict):
        yield from carried_in(list(value.values()))
    elif isinstance(value, slice):
        yield from carried_in([value.start, value.stop, value.step])


def shape_of_graph(graph: fx.Graph) -> Any:
    """The calls of a graph in order: what two calls of one module must share to be one line."""
    return tuple((node.op, node.target) for node in graph.nodes)


def all_positions(nodes: list[fx.Node]) -> Iterator[Any]:
    for node in nodes:
        for key in ("call_positions", "positions", "outer"):
            yield from node.meta.get(key, ())
