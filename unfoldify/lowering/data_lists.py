"""Lists whose lengths and numbers are data: written down as what makes them, gone through in a loop.

A rule runs on tensors without data, so it is told of an example of such a list. Its rounds become
one loop over whatever the list is when the file runs.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from torch import Tensor, fx

from unfoldify.recording.record import Recorder, frozen


class DataLists(Recorder):
    """What a recorder of rules knows of such lists."""

    def value_node(self, value: Any) -> fx.Node | None:
        return self.list_node(value) if type(value) is list else super().value_node(value)

    def counts(self, x: Tensor, example: list[int]) -> list[int]:
        """The numbers that a tensor holds; as long as the example in every round that is recorded."""
        node = self.add("call_method", "tolist", (x,), {})
        return self.numbers_of(node, example)

    def backwards(self, values: Sequence[Any]) -> Sequence[Any]:
        """All items of a list, the last first."""
        whole = self.to_nodes(values[0]).args[0]
        node = self.add("call_function", reversed, (whole,), {})
        if not isinstance(values[0], Tensor):
            return self.numbers_of(node, values[::-1])
        node.meta["length"] = len(values)
        for item in [user for user in whole.users if user.target is operator.getitem]:
            self.frame.graph.erase_node(item)  # nobody takes them in the other order
        for index, value in enumerate(values[::-1]):
            self.bind(value, self.add("call_function", operator.getitem, (node, index), {}))
        return values[::-1]

    def numbers_of(self, node: fx.Node, example: Sequence[int]) -> list[int]:
        items = list(self.items(node, list(example)))
        node.meta["length"] = len(items)
        self.lists[id(items)] = (items, frozen(items), node)
        return items
