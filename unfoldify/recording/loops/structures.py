"""Tuples, lists, dicts and objects of a round's values, which a loop puts into a list as one item."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import fx

from unfoldify.recording.body import Construct
from unfoldify.recording.loops.slots import NoLoop

Slot = Callable[[list[Any]], Any]


@dataclass(frozen=True, eq=False)
class Built:
    """An object, made behind the loop, whose fields are a round's values."""

    node: fx.Node
    fields: dict[str, Any]


def is_object(value: Any) -> bool:
    return isinstance(value, fx.Node) and isinstance(value.target, Construct)


def parts(value: Any) -> tuple[Any, list[Any]] | None:
    """What kind of structure a value is, and what it holds; None for a value of its own."""
    if is_object(value):
        return (value.target, *value.kwargs), list(value.kwargs.values())
    if isinstance(value, dict):
        return (dict, *value), list(value.values())
    if isinstance(value, (tuple, list)):
        return (type(value), len(value)), list(value)
    return None


def frozen(value: Any) -> Any:
    """A structure as something to compare it by, and to look it up."""
    if isinstance(value, fx.Node):
        return value
    held = parts(value)
    return repr(value) if held is None else (held[0], *map(frozen, held[1]))


def rows(value: Any, count: int, slot: Slot) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The items of a list in a row that are the same structure of each round's values, and what
    such a structure is in any round.
    """
    items = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(items, (tuple, list)):
        return
    for start in range(len(items) - count + 1):
        row = tuple(items[start : start + count])
        if parts(row[0]) is not None:
            try:
                found = of_any_round(row, slot)
            except NoLoop:
                continue
            yield found, row
    for item in items:
        yield from rows(item, count, slot)


def of_any_round(row: Sequence[Any], slot: Slot) -> Any:
    """A structure with slots in the place of its values."""
    first, held = row[0], [parts(value) for value in row]
    if all(each is None for each in held):
        return slot(list(row))
    inner = [each for each in held if each is not None]
    if len(inner) < len(row) or len({each[0] for each in inner}) > 1:
        raise NoLoop
    items = [
        of_any_round(column, slot) for column in zip(*(each[1] for each in inner), strict=True)
    ]
    if is_object(first):
        return Built(first, dict(zip(first.kwargs, items, strict=True)))
    if isinstance(first, dict):
        return dict(zip(first, items, strict=True))
    return tuple(items) if isinstance(first, tuple) else items


def objects_in(value: Any) -> Iterator[fx.Node]:
    """The objects of a structure, the outer ones first."""
    if is_object(value):
        yield value
    held = parts(value)
    for item in held[1] if held is not None else ():
        yield from objects_in(item)


def whole_result(values: Sequence[Any]) -> fx.Node | None:
    """The first round's tuple, list or dict that a call of a module gave back, where what stands in
    the list are all items of it, in each round.
    """
    if is_object(values[0]):
        return None
    sources = [taken_apart(value) for value in values]
    is_whole = all(map(is_as_given, sources, values))
    return sources[0] if is_whole else None


def taken_apart(value: Any) -> fx.Node | None:
    """The value whose items a structure holds."""
    if isinstance(value, fx.Node):
        return value
    if not isinstance(value, (tuple, list, dict)) or not value:
        return None
    keyed = value.items() if isinstance(value, dict) else enumerate(value)
    sources: set[Any] = set()
    for key, item in keyed:
        part = taken_apart(item)
        if part is None or part.target is not operator.getitem or part.args[1] != key:
            return None
        sources.add(part.args[0])
    source = sources.pop()
    return source if isinstance(source, fx.Node) and not sources else None


def is_as_given(source: fx.Node | None, value: Any) -> bool:
    """Whether a structure is of the type and size that a module gave it."""
    made, mine = parts(given_back(source)) if source is not None else None, parts(value)
    return made is not None and mine is not None and made[0] == mine[0]


def given_back(value: fx.Node) -> Any:
    """What a value is in the graph of the child that gave it back."""
    if "body" in value.meta:
        last: fx.Node = next(iter(reversed(value.meta["body"].graph.nodes)))
        return last.args[0]
    if value.target is not operator.getitem or not isinstance(value.args[0], fx.Node):
        return value
    around = given_back(value.args[0])
    key: Any = value.args[1]
    if isinstance(around, dict):
        return around.get(key, value)
    is_there = isinstance(around, (tuple, list)) and isinstance(key, int)
    return around[key] if is_there and key < len(around) else value
