"""A list that is longer in another run → what makes it: `[length] * b`, `list(range(1, n))`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Any

from torch import fx

from unfoldify.recording.align import Place
from unfoldify.recording.moving import before
from unfoldify.recording.regular import as_range, is_repeated

NumberOf = Callable[[Place, int, int], Any]


def list_of_size(place: Place, ours: Any, theirs: Any, number: NumberOf) -> fx.Node | None:
    """The list or range that was this in one run and that in the other; `number` explains one that
    differs.
    """
    kind = next((k for k in (list, tuple, range) if isinstance(ours, k)), None)
    if kind is None or not isinstance(theirs, kind):
        return None
    if kind is list and is_repeated(ours) and is_repeated(theirs):
        return repeated(place, ours, theirs, number)
    both = as_range(ours), as_range(theirs)
    if both[0] is None or both[1] is None:
        return None
    made = users_range(place, ours, theirs) or written_range(place, both[0], both[1], number)
    return made if made is None or kind is range else inline(place, kind, (made,))


def repeated(place: Place, ours: Any, theirs: Any, number: NumberOf) -> fx.Node | None:
    """`[value] * n`, whatever the value is: a tensor, a number, a list."""
    item = item_of(of_each(place, lambda one: one[0]), ours[0], theirs[0], number)
    count = number(of_each(place, len), len(ours), len(theirs))
    if item is None or count is None:
        return None
    return inline(place, operator.mul, ([item], count))


def item_of(place: Place, ours: Any, theirs: Any, number: NumberOf) -> Any:
    """What is the same in both runs, or what explains it; None where nothing does."""
    if isinstance(ours, fx.Node):
        return ours if place.fellows.get(ours) is theirs else None
    if isinstance(ours, (list, tuple)):
        same = type(ours) is type(theirs) and ours == theirs
        return ours if same else list_of_size(place, ours, theirs, number)
    if type(ours) is type(theirs) and ours == theirs:
        return ours
    is_int = type(ours) is int and type(theirs) is int
    return number(place, ours, theirs) if is_int else None


def users_range(place: Place, ours: Any, theirs: Any) -> fx.Node | None:
    """A range of the user's over a size, if it has held these numbers in every run."""
    wanted: dict[Any, Any] = {**place.history(ours), place.run: theirs}
    for node in before(place.node):
        runs = {**node.meta.get("in_runs", {})}
        is_such = node.target is range and node in place.fellows
        is_such = is_such and [*node.meta["value"]] == [*ours] and wanted.keys() <= runs.keys()
        if is_such and all([*runs[run]] == [*was] for run, was in wanted.items()):
            return node
    return None


def written_range(place: Place, ours: range, theirs: range, number: NumberOf) -> fx.Node | None:
    """`range(start, stop, step)`, of which the ends may be sizes."""
    if ours.step != theirs.step:
        return None
    ends = []
    for end in (attrgetter("start"), attrgetter("stop")):
        mine, other = end(ours), end(theirs)
        in_each = of_each(place, partial(end_of, end))
        ends.append(mine if mine == other else number(in_each, mine, other))
    if None in ends:
        return None
    start, stop = ends
    if ours.step != 1:
        return inline(place, range, (start, stop, ours.step))
    return inline(place, range, (stop,) if start == 0 else (start, stop))


def end_of(end: Callable[[Any], Any], items: Any) -> Any:
    found = as_range(items)
    return None if found is None else end(found)


def of_each(place: Place, part: Callable[[Any], Any]) -> Place:
    """The same place, where each run had a part of the list that it had."""
    if place.was is None:
        return place
    return replace(place, was={run: part(was) for run, was in place.was.items()})


def inline(place: Place, function: Any, args: tuple[Any, ...]) -> fx.Node:
    with place.body.graph.inserting_before(place.node):
        node = place.body.graph.call_function(function, args)
    node.meta["inline"] = True
    return node
