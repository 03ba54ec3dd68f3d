"""How often a loop goes round, where the user's `range` says it: `for t in range(1, n, 2)`.

A range over a size is a call of the graph while recordings are compared. A loop whose rounds are as
many in every run is written with it, and counts as it does.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import fx

from unfoldify.recording.loops.loop import Loop, index_of_round
from unfoldify.recording.moving import before
from unfoldify.recording.source import LoopHead, loop_heads


def of_loop(loop: Loop, first: fx.Node) -> Iterator[fx.Node]:
    """The ranges in front of a loop's first call that its own head in the user's file is about."""
    for node in before(first):
        is_beside = node.meta.get("loop") is loop.parent
        if node.target is range and is_beside and loop.head and head_of(node) == loop.head:
            yield node


def head_of(made: fx.Node) -> LoopHead | None:
    """The loop in whose head a range stands."""
    positions = made.meta.get("positions", ())
    heads = loop_heads(positions[0]) if positions else ()
    return heads[0] if heads else None


def rounds_of(count: Any) -> Any:
    """How often a loop goes round that goes over a range, or up to a number."""
    return len(count) if isinstance(count, range) else count


def settle_ranges(graph: fx.Graph) -> None:
    """Let loops count as the user's ranges do; ranges that no loop is written with are gone."""
    for index in [node for node in graph.nodes if node.target is index_of_round]:
        count = index.args[0] if index.args else None
        if isinstance(count, fx.Node) and count.target is range:
            Counting.of(graph, index, count).settle()
    for node in reversed(graph.nodes):
        if node.target is range and "value" in node.meta and not node.users:
            erase_with_operands(node)


def erase_with_operands(node: fx.Node) -> None:
    """Erase a number, and those that only it was computed from."""
    operands = node.all_input_nodes
    node.graph.erase_node(node)
    for operand in operands:
        if operand.op == "call_function" and not operand.users and is_number(operand):
            erase_with_operands(operand)


def is_number(node: fx.Node) -> bool:
    """Whether a call gives no tensor, changes none, and is no part of a loop."""
    return not {"val", "mutates", "head_of", "kept"} & node.meta.keys()


@dataclass(frozen=True)
class Counting:
    """A loop whose index is to be what a range counts, and no longer the number of the round."""

    graph: fx.Graph
    index: fx.Node
    start: Any
    step: Any

    @classmethod
    def of(cls, graph: fx.Graph, index: fx.Node, count: fx.Node) -> Counting:
        start = count.args[0] if len(count.args) > 1 else 0
        return cls(graph, index, start, count.args[2] if len(count.args) > 2 else 1)

    def settle(self) -> None:
        if (self.start, self.step) == (0, 1):
            return
        self.index.meta["value"] = valued(self.start)
        counted = [node for node in self.graph.nodes if self.is_counted(node)]
        inner = {each for node in counted for each in (node, *node.all_input_nodes)}
        others = [user for user in self.index.users if user not in inner]
        for node in counted:
            self.replace(node)
        if others:
            first = next(node for node in self.graph.nodes if node in others)
            number = self.shifted(first, 0, 1) or self.number_of_round(first)
            for user in others:
                user.replace_input_with(self.index, number)

    def is_counted(self, node: fx.Node) -> bool:
        """Whether a number is made of the number of the loop's round: `8 - t * 2`."""
        if "counts" not in node.meta:
            return False
        operands = node.all_input_nodes
        return self.index in {*operands, *(n for each in operands for n in each.all_input_nodes)}

    def replace(self, node: fx.Node) -> None:
        found = node.meta["counts"]
        number = self.shifted(node, beginning(node), found.step)
        if number is None:  # it stays as it is, over the number of the round
            inside = next(n for n in (node, *node.all_input_nodes) if self.index in n.args)
            inside.replace_input_with(self.index, self.number_of_round(inside))
            return
        node.replace_all_uses_with(number)
        erase_with_operands(node)

    def shifted(self, place: fx.Node, beginning: Any, step: int) -> fx.Node | None:
        """`beginning + step * round`, by what the range counts; None if it is no simple sum."""
        if not isinstance(self.step, int) or step % self.step:
            return None
        times = step // self.step
        if times == 1 and always_the_same(beginning, self.start):
            return self.index
        if not isinstance(beginning, int) or not isinstance(self.start, int):
            return None
        amount = beginning - times * self.start
        number = self.index
        if times == -1 and amount:
            return self.inline(place, operator.sub, (amount, number))
        if times == -1:
            return self.inline(place, operator.neg, (number,))
        if times != 1:
            number = self.inline(place, operator.mul, (number, times))
        if amount == 0:
            return number
        function = operator.add if amount > 0 else operator.sub
        return self.inline(place, function, (number, abs(amount)))

    def number_of_round(self, place: fx.Node) -> fx.Node:
        number = self.index
        if self.start != 0:
            number = self.inline(place, operator.sub, (number, self.start))
        if self.step != 1:
            number = self.inline(place, operator.floordiv, (number, self.step))
        return number

    def inline(self, place: fx.Node, function: Any, args: tuple[Any, ...]) -> fx.Node:
        with self.graph.inserting_before(place):
            node = self.graph.call_function(function, args)
        node.meta.update(inline=True, loop=self.index.meta["head_of"])
        return node


def beginning(node: fx.Node) -> Any:
    """What a number that counts rounds is in the first of them."""
    found: Any = node.meta["counts"]
    if node.target is operator.sub and found.step < 0 < found.start:
        return node.args[0]
    if node.target is operator.add:
        return node.args[1]
    if node.target is operator.sub and not isinstance(node.args[1], int):
        return None
    return found.start


def always_the_same(one: Any, other: Any) -> bool:
    """Whether two numbers were the same in every run."""
    if not isinstance(one, fx.Node) or not isinstance(other, fx.Node):
        return type(one) is type(other) and bool(one == other)
    if one is other:
        return True
    was = one.meta.get("was") or other.meta.get("was")
    runs = (other if "was" in one.meta else one).meta.get("in_runs")
    if not was or not runs:
        return False
    both = was.keys() & runs.keys()
    return bool(both) and valued(one) == valued(other) and all(was[r] == runs[r] for r in both)


def valued(number: Any) -> Any:
    """What a number is in the first run."""
    if not isinstance(number, fx.Node):
        return number
    return number.meta.get("explains", number.meta.get("value"))
