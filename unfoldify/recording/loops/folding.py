"""Rounds that are a loop → the first one as its body, the others gone."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from torch import fx

from unfoldify.recording.loops.items import WHOLE, Item, OneOf
from unfoldify.recording.loops.kept import Kept
from unfoldify.recording.loops.loop import (
    Loop,
    carried_value,
    chain,
    collected_list,
    gathered,
    gathered_in,
    in_a_row,
    index_of_round,
    item_of_round,
)
from unfoldify.recording.loops.picked import Picker, Reading
from unfoldify.recording.loops.slots import Carried, Grown, Index
from unfoldify.recording.loops.structures import Built, frozen, objects_in, whole_result

Calls = list[tuple[fx.Node, Any, Any]]  # of the first round, with what their arguments are


OF_RESULT = ("result", "positions", "rule_positions", "result_of", "outer", "runs")


@dataclass(frozen=True)
class Folder:
    """Changes the graph; by now nothing may fail."""

    graph: fx.Graph
    loop: Loop
    rounds: list[list[fx.Node]]
    synthetic: dict[Any, fx.Node] = field(default_factory=dict)

    def fold(
        self,
        calls: Calls,
        outside: dict[Kept, list[fx.Node]],
        picked: dict[Kept, list[Reading]],
    ) -> None:
        """`outside` are the lists behind the loop that its rounds fill, with their users; `picked`
        those of which single items are read.
        """
        behind = self.rounds[-1][-1].next
        for call in calls:
            self.apply(*call)
        lists = {kept: self.collect(kept, outside.get(kept, ())) for kept in {**outside, **picked}}
        picker = Picker(self.loop, behind)
        place = {n: (r, o) for r, nodes in enumerate(self.rounds) for o, n in enumerate(nodes)}
        for kept, readings in picked.items():
            for node, user in readings:
                user.replace_input_with(node, picker.item(node, lists[kept], place))
        self.finish()

    def apply(self, node: fx.Node, args: Any, kwargs: Any) -> None:
        node.args = tuple(self.real(arg) for arg in args)
        node.kwargs = {key: self.real(value) for key, value in kwargs.items()}
        if (
            node.target is item_of_round
        ):  # of a loop inside: what it goes over may be an item itself
            inner: Loop = node.meta["head_of"]
            inner.sequences = {item.args[0]: item for item in inner.sequences.values()}  # type: ignore[misc]

    def real(self, value: Any) -> Any:
        """What a slot's description stands for, as nodes."""
        if isinstance(value, Index):
            return self.index_node(value)
        if isinstance(value, Carried):
            return self.make(carried_value, (value.initial,), key=(value.initial, value.end))
        if isinstance(value, Grown):
            return self.grown(value)
        if isinstance(value, (Item, OneOf)):
            return self.make(item_of_round, (self.sequence(value),), key=value)
        if isinstance(value, (tuple, list)):
            return type(value)(self.real(v) for v in value)
        if isinstance(value, dict):
            return {key: self.real(v) for key, v in value.items()}
        if isinstance(value, slice):
            return slice(self.real(value.start), self.real(value.stop), self.real(value.step))
        return value

    def grown(self, value: Grown) -> fx.Node:
        """The list that the rounds add to, and read."""
        if value not in self.synthetic:
            with self.graph.inserting_before(self.rounds[0][0]):
                node = self.graph.call_function(collected_list, value.initial)
            node.meta["list_of"] = value.end
            node.meta["length"] = len(value.initial) + len(self.rounds)
            self.loop.collected[value.end] = node
            self.synthetic[value] = node
        return self.synthetic[value]

    def sequence(self, slot: Item | OneOf) -> fx.Node:
        """What the loop goes over."""
        if slot in self.synthetic:
            return self.synthetic[slot].args[0]  # type: ignore[return-value]
        if isinstance(slot, Item):
            if slot.part == WHOLE:
                return slot.sequence
            node = self.beside(operator.getitem, (slot.sequence, slice(*slot.part)))
        else:
            node = self.beside(in_a_row, (list(slot.values),))
        node.meta["count"] = len(self.rounds)
        return node

    def beside(self, target: Any, args: tuple[Any, ...]) -> fx.Node:
        """A node in front of the loop, that is written where it is read."""
        with self.graph.inserting_before(self.rounds[0][0]):
            node = self.graph.call_function(target, args)
        node.meta["inline"] = True
        if self.loop.parent is not None:
            node.meta["loop"] = self.loop.parent
        return node

    def make(self, target: Any, args: tuple[Any, ...], key: Any) -> fx.Node:
        if key not in self.synthetic:
            with self.graph.inserting_before(self.rounds[0][0]):
                node = self.graph.call_function(target, args)
            node.meta["head_of"] = self.loop
            self.describe(node, target, key)
            if target is carried_value:
                self.loop.carried[node] = key[1]
            elif target is item_of_round:
                self.loop.sequences[args[0]] = node
            else:
                self.loop.index = node
            self.synthetic[key] = node
        return self.synthetic[key]

    def describe(self, node: fx.Node, target: Any, key: Any) -> None:
        """What the value is in the first round, for rules and for other passes."""
        if target is index_of_round:
            node.meta["value"] = 0
            return
        example = key[1] if target is carried_value else first_of(key)
        if target is carried_value and isinstance(key[0], fx.Node) and "val" in key[0].meta:
            example = key[0]
        if not isinstance(example, fx.Node):
            node.meta["value"] = example
            return
        known = ("val", "value", "name") if target is item_of_round else ("val", "value")
        node.meta.update({k: example.meta[k] for k in known if k in example.meta})

    def index_node(self, index: Index) -> fx.Node:
        """`start + step * round`, as a person writes it: `t + 1`, `3 - t`, `8 - t * 2`, `-t - 2`."""
        node = self.make(index_of_round, (), key="index")
        counted = self.counted(node, index)
        if counted is not node:
            counted.meta["counts"] = index
        return counted

    def counted(self, node: fx.Node, index: Index) -> fx.Node:
        if index.step < 0 < index.start:
            back = self.inline(operator.mul, (node, -index.step)) if index.step < -1 else node
            return self.inline(operator.sub, (index.start, back))
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

    def item(self, kept: Kept) -> fx.Node:
        """What a round puts into a list: a value, or a structure of several."""
        if isinstance(kept.value, (Carried, fx.Node)):
            return self.real(kept.value)  # type: ignore[no-any-return]
        as_found = frozen(kept.value) == frozen(kept.values[0])
        whole = whole_result(kept.values) if as_found else None
        return whole or self.placed(self.graph.call_function(gathered, (self.gather(kept.value),)))

    def gather(self, value: Any) -> Any:
        """A structure of the values of the round that stays, its objects made in it."""
        if isinstance(value, Built):
            value.node.kwargs = {key: self.gather(item) for key, item in value.fields.items()}
            value.node.meta["inline"] = True
            return self.placed(value.node)
        if isinstance(value, (tuple, list)):
            return type(value)(self.gather(item) for item in value)
        if isinstance(value, dict):
            return {key: self.gather(item) for key, item in value.items()}
        return self.real(value)

    def placed(self, node: fx.Node) -> fx.Node:
        """A node at the end of the round that stays."""
        first = self.rounds[0]
        first[-1].append(node)
        first.append(node)
        if self.loop.parent is not None:
            node.meta["loop"] = self.loop.parent
        return node

    def collect(self, kept: Kept, users: Iterable[fx.Node]) -> fx.Node:
        """A list behind the loop that its rounds fill, for those who use it whole."""
        collected = self.list_of(kept)
        for user in users:
            kept.replace(user, collected)
        for made in [each for value in kept.values[1:] for each in objects_in(value)]:
            self.graph.erase_node(made)
        return collected

    def list_of(self, kept: Kept) -> fx.Node:
        """The list that the rounds fill with what is kept."""
        if isinstance(kept.value, Grown):
            return self.grown(kept.value)
        with self.graph.inserting_before(self.rounds[0][0]):
            collected = self.graph.call_function(collected_list, ())
        value = self.item(kept)
        collected.meta.update(list_of=value, count=self.loop.rounds)
        self.loop.collected[value] = collected
        return collected

    def hand_to_blocks(self) -> None:
        """What the last round leaves to a block around the loop is what the first one does."""
        left = dict(zip(self.rounds[-1], self.rounds[0], strict=False))
        for block in chain(self.loop.parent):
            block.ends = [left.get(end, end) for end in block.ends]

    def finish(self) -> None:
        """Redirect what came behind the loop, mark the body, drop the other rounds."""
        last = self.rounds[-1]
        inside = {node for nodes in self.rounds for node in nodes}
        self.hand_to_blocks()
        for offset, node in enumerate(last):
            if "result" in node.meta and "result" not in self.rounds[0][offset].meta:
                self.rounds[0][offset].meta.update(
                    {k: node.meta[k] for k in OF_RESULT if k in node.meta}
                )
            node.replace_all_uses_with(self.rounds[0][offset], lambda user: user not in inside)
        for node in (*self.loop.carried.values(), *self.loop.collected):
            for each in (node, *gathered_in(node)):
                each.meta["kept"] = True
        if all("name" in item.meta for item in self.loop.sequences.values()):
            place = {node: index for index, node in enumerate(self.graph.nodes)}
            ordered = sorted(self.loop.sequences.items(), key=lambda pair: place[pair[0]])
            self.loop.sequences = dict(ordered)  # as they were given, not as they are used
        for nodes in reversed(self.rounds[1:]):
            for node in reversed(nodes):
                self.graph.erase_node(node)
        for sequence in self.loop.sequences:
            drop_unread_items(sequence.args[0] if is_part(sequence) else sequence)
        for node in self.rounds[0]:
            inner: Any = node.meta.get("loop")
            if inner is self.loop.parent:
                node.meta["loop"] = self.loop
            else:
                while inner.parent is not self.loop.parent and inner.parent is not self.loop:
                    inner = inner.parent
                inner.parent = self.loop


def first_of(slot: Item | OneOf) -> Any:
    return slot.first if isinstance(slot, Item) else slot.values[0]


def is_part(sequence: fx.Node) -> bool:
    return sequence.target is operator.getitem and isinstance(sequence.args[1], slice)


def drop_unread_items(sequence: Any) -> None:
    """The items that the rounds took one by one are gone."""
    for item in list(sequence.users):
        if item.target is operator.getitem and not item.users:
            item.graph.erase_node(item)
