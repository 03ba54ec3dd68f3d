"""What a loop keeps of each round: the values that stand side by side in a list behind it."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import fx

from unfoldify.recording.body import Construct
from unfoldify.recording.loops.loop import spread
from unfoldify.recording.loops.structures import frozen


@dataclass(frozen=True, eq=False)
class Kept:
    """A value of the loop's first round that stands for all of them, and the values of all rounds."""

    value: Any  # a node, what the rounds hand on, or a structure of these
    values: tuple[Any, ...]

    def is_all_that(self, user: fx.Node, node: fx.Node) -> bool:
        """Whether a call behind the loop uses a value in a list of these values and not else."""
        in_one_list = sum(item is node for item in leaves(self.values))
        if not in_one_list:
            return False
        given = [*user.args, *user.kwargs.values()]  # which are no list of the user's themselves
        lists = [each for argument in given for each in self.found_in(argument)]
        found = sum(item is node for item in leaves(given))
        return bool(lists) and found == len(lists) * in_one_list

    def found_in(self, value: Any) -> Iterator[Any]:
        """The lists in which the values stand in a row."""
        if isinstance(value, (tuple, list)):
            if self.start_in(value) is not None or self.is_turned(value):
                yield value
            else:
                for item in value:
                    yield from self.found_in(item)
        elif isinstance(value, dict):
            for item in value.values():
                yield from self.found_in(item)

    def start_in(self, items: Any) -> int | None:
        """Where in a list the values begin."""
        count = len(self.values)
        for start in range(len(items) - count + 1):
            row = items[start : start + count]
            if all(frozen(a) == frozen(b) for a, b in zip(row, self.values, strict=True)):
                return start
        return None

    def is_turned(self, items: Any) -> bool:
        """Whether a list is of the values from the last to the first: `steps[::-1]`."""
        return bool(frozen(tuple(items)) == frozen(self.values[::-1]))

    def replace(self, user: fx.Node, collected: fx.Node) -> None:
        """Let a call take the list that the loop fills."""
        # what a model returns keeps its type; other calls take a list where they took a tuple
        is_result = user.op == "output" or user.target is OrderedDict
        is_result = is_result or isinstance(user.target, Construct)
        user.args = tuple(self.replaced(arg, user, collected, is_result) for arg in user.args)
        user.kwargs = {
            key: self.replaced(value, user, collected, is_result)
            for key, value in user.kwargs.items()
        }

    def replaced(self, value: Any, user: fx.Node, collected: fx.Node, is_result: bool) -> Any:
        if isinstance(value, dict):
            return {k: self.replaced(v, user, collected, is_result) for k, v in value.items()}
        if not isinstance(value, (tuple, list)):
            return value
        make = tuple if isinstance(value, tuple) else list
        start = self.start_in(value)
        if start is None and self.is_turned(value):
            start, collected = 0, turned(collected, user)
        if start is None:
            return make(self.replaced(item, user, collected, is_result) for item in value)
        if len(value) == len(self.values) and not (is_result and make is tuple):
            return collected
        with user.graph.inserting_before(user):
            part = user.graph.call_function(spread, (collected,))
        return make([*value[:start], part, *value[start + len(self.values) :]])


def turned(collected: fx.Node, user: fx.Node) -> fx.Node:
    """A list from its end to its beginning."""
    with user.graph.inserting_before(user):
        node = user.graph.call_function(operator.getitem, (collected, slice(None, None, -1)))
    node.meta["inline"] = True
    return node


def leaves(value: Any) -> Iterator[fx.Node]:
    """The nodes of a call's arguments, as often as they stand there."""
    if isinstance(value, fx.Node):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()))
    elif isinstance(value, slice):
        yield from leaves([value.start, value.stop, value.step])
