"""A number that differs between two recordings at other sizes → the size that it goes by.

Two points are on many lines. What explains a number has to be right in every run that was compared
so far, and gives way to another explanation in the first in which it is not.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import fx

from unfoldify.recording.align import REFUSED, Place
from unfoldify.recording.lists_by_size import list_of_size
from unfoldify.recording.moving import before


def by_size(place: Place, ours: Any, theirs: Any) -> Any:
    """The size or dtype of a value in scope that was this in one run and that in the other."""
    if REFUSED in place.node.meta:
        return None
    if isinstance(ours, torch.dtype) and isinstance(theirs, torch.dtype):
        return dtype_of_something(place, ours, theirs)
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return None
    if isinstance(ours, int) and isinstance(theirs, int):
        return size_of_something(place, ours, theirs)
    if isinstance(ours, float) and isinstance(theirs, float):
        return float_of_size(place, ours, theirs)
    return list_of_size(place, ours, theirs, size_of_something)


def float_of_size(place: Place, ours: float, theirs: float) -> fx.Node | None:
    """`float(x.shape[0])`: Python hands the type of its numbers no memory of where they are from."""
    if not (ours.is_integer() and theirs.is_integer()):
        return None
    size = size_of_something(place, int(ours), int(theirs))
    if size is None:
        return None
    with place.body.graph.inserting_before(place.node):
        number = place.body.graph.call_function(float, (size,))
    number.meta.update(value=ours, inline=True)
    return number


def dtype_of_something(place: Place, ours: torch.dtype, theirs: torch.dtype) -> fx.Node | None:
    for node in before(place.node):
        val, other = node.meta.get("val"), node.meta.get("other")
        if val is not None and other is not None and (val.dtype, other.dtype) == (ours, theirs):
            with place.body.graph.inserting_before(place.node):
                return place.body.graph.call_function(getattr, (node, "dtype"))
    return None


def size_of_something(place: Place, ours: int, theirs: int) -> fx.Node | None:
    """`x.shape[i]`, a multiple, a part or a root of it, of the nearest value that fits."""
    graph = place.body.graph
    history = place.history(ours)
    moved_before = any(number != ours for number in history.values())
    known = list(pairs(place.node, even_equal=moved_before))
    for function, argument in [(None, None), *simple_relations(ours)]:
        for node, axis, pair in known:
            if (
                related(function, argument, pair[0]) != ours
                or related(function, argument, pair[1]) != theirs
                or not fits(function, argument, node, axis, history)
            ):
                continue
            with graph.inserting_before(place.node):
                size = size_node(graph, node, axis, pair[0])
                if function is None:
                    return size
                made = graph.call_function(
                    function, (size, argument) if argument is not None else (size,)
                )
                made.meta.update(value=ours, other_value=theirs)  # for whatever else was this
                return made
    return None


def fits(
    function: Any, argument: Any, node: fx.Node, axis: int | None, history: Mapping[int, Any]
) -> bool:
    """Whether a relation holds in the earlier runs, as far as they had the value."""
    for run, number in history.items():
        found = node.meta.get("in_runs", {}).get(run)
        if found is not None and axis is not None:
            found = found[axis] if len(found) == len(node.meta["val"].shape) else None
        if found is not None and related(function, argument, int(found)) != number:
            return False
    return True


def root(number: int) -> int:
    """Call target: the side of a square of `number` tokens."""
    return math.isqrt(number)


def simple_relations(ours: int) -> Iterator[tuple[Any, Any]]:
    yield operator.sub, 1
    yield operator.add, 1
    yield root, None
    for amount in (2, 3, 4, 6, 8, 12, 16, 32, 7, 14, 64):
        yield operator.floordiv, amount
        yield operator.mul, amount
    for amount in (2, 3):
        yield operator.add, amount
        yield operator.sub, amount


def related(function: Any, argument: Any, size: int) -> int | None:
    if function is None:
        return size
    if function is root and (size < 0 or root(size) ** 2 != size):  # a distance, a length
        return None
    if function is operator.floordiv and size < argument:  # nothing is left that tells them apart
        return None
    return int(function(size, argument) if argument is not None else function(size))


def pairs(
    node: fx.Node, *, even_equal: bool
) -> Iterator[tuple[fx.Node, int | None, tuple[int, int]]]:
    """Every number in scope with what it was in either run, if that differs or `even_equal`."""
    for earlier in before(node):
        value, other_value = earlier.meta.get("value"), earlier.meta.get("other_value")
        if (
            type(value) is not bool
            and isinstance(value, int)
            and isinstance(other_value, int)
            and (even_equal or value != other_value)
        ):
            yield earlier, None, (int(value), int(other_value))
        val, other = earlier.meta.get("val"), earlier.meta.get("other")
        if val is None or other is None or len(val.shape) != len(other.shape):
            continue
        for axis, pair in enumerate(zip(val.shape, other.shape, strict=True)):
            if even_equal or pair[0] != pair[1]:
                yield earlier, axis, pair


def size_node(graph: fx.Graph, node: fx.Node, axis: int | None, value: int) -> fx.Node:
    if axis is None:
        return node
    shape = graph.call_function(getattr, (node, "shape"))
    shape.meta["length"] = len(node.meta["val"].shape)
    size = graph.call_function(operator.getitem, (shape, axis))
    size.meta["value"] = value
    return size
