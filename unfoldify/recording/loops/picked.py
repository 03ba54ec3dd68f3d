"""Values of single rounds that calls behind the loop read: by their number in a list of all."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field

from torch import fx

from unfoldify.recording.loops.loop import Loop
from unfoldify.recording.loops.rounds import mark
from unfoldify.recording.source import first_site

Place = dict[fx.Node, tuple[int, int]]  # call → its round, and where it is in it
Reading = tuple[fx.Node, fx.Node]  # a value of a round, and a call behind the loop that reads it
KNOWN = ("val", "value", "count")


def read_singly(found: list[Reading], place: Place, last: int) -> dict[int, list[Reading]] | None:
    """Which values of each round a list is made of, with their readers; what is read of the last
    round alone needs none. None where values are read that no list can hold.
    """
    by_offset: dict[int, list[Reading]] = {}
    for node, user in found:
        by_offset.setdefault(place[held(node, place)][1], []).append((node, user))
    picked: dict[int, list[Reading]] = {}
    for offset, readings in by_offset.items():
        others = {user for node, user in readings if round_of(node, place) != last}
        if not others:
            continue
        if any(not is_one_value(held(node, place)) for node, _ in readings):
            return None
        marks = {mark(user) for user in others}  # the last round's may be a fellow of these
        picked[offset] = [
            (node, user)
            for node, user in readings
            if round_of(node, place) != last
            or (user in others or mark(user) in marks or has_no_name(held(node, place)))
        ]
    return picked


def held(node: fx.Node, place: Place) -> fx.Node:
    """The value that a size is of, or an item of a list that a loop inside fills."""
    source = node.args[0] if node.args else None
    while is_derived(node) and isinstance(source, fx.Node) and source in place:
        node, source = source, source.args[0] if source.args else None
    return node


def round_of(node: fx.Node, place: Place) -> int:
    return place[held(node, place)][0]


def has_no_name(node: fx.Node) -> bool:
    """Whether the user has a value in the list alone: `[f(x) for x in xs]`, `ys.append(f(x))`."""
    found = first_site(node.meta.get("positions", ()))
    return found is not None and found.appended_to is not None


def is_derived(node: fx.Node) -> bool:
    if node.target is operator.getitem and "inline" in node.meta:
        return True
    return node.target in (getattr, operator.getitem) and "val" not in node.meta


def is_one_value(node: fx.Node) -> bool:
    return "val" in node.meta or "list_of" in node.meta


@dataclass
class Picker:
    """Items of the lists that a loop fills, in front of what follows it."""

    loop: Loop
    behind: fx.Node
    items: dict[tuple[fx.Node, object], fx.Node] = field(default_factory=dict)

    def item(self, node: fx.Node, collected: fx.Node, place: Place) -> fx.Node:
        """What stands behind the loop for a round's value, or for something of it."""
        whole = held(node, place)
        if node is whole:
            return self.taken(node, operator.getitem, collected, place[node][0])
        around = self.item(node.args[0], collected, place)  # type: ignore[arg-type]
        return self.taken(node, node.target, around, node.args[1])

    def taken(self, node: fx.Node, step: object, whole: fx.Node, key: object) -> fx.Node:
        if (whole, key) not in self.items:
            with node.graph.inserting_before(self.behind):
                item = node.graph.call_function(step, (whole, key))  # type: ignore[arg-type]
            item.meta.update({k: node.meta[k] for k in KNOWN if k in node.meta})
            if "length" in node.meta:  # of a shape
                item.meta["length"] = node.meta["length"]
            if (step is operator.getitem and "val" in node.meta) or "count" in node.meta:
                item.meta["inline"] = True
            if self.loop.parent is not None:
                item.meta["loop"] = self.loop.parent
            item.meta["picked"] = True
            self.items[whole, key] = item
        return self.items[whole, key]
