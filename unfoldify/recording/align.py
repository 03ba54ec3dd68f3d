"""Two recordings of one model, side by side: what differs between them is explained or refused.

The model runs again in the other mode, and again at other sizes and in another dtype. Where the
graphs agree but a constant differs, the constant is not one: it is `self.training`, a size, a
dtype.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx

from unfoldify.recording.body import Body
from unfoldify.recording.loops.loop import index_of_round, repeating
from unfoldify.recording.moving import note_run

Explain = Callable[["Place", Any, Any], Any]


class Unalike(Exception):  # noqa: N818 (it says what two graphs are, and is no error)
    """The two graphs do not do the same."""

    def __init__(self, first: fx.Node | None, second: fx.Node | None, reason: str) -> None:
        super().__init__(reason)
        self.first, self.second = first, second


@dataclass(frozen=True)
class Place:
    """Where two recordings differ: a node of the first, and its fellow in the second."""

    body: Body
    node: fx.Node
    fellows: dict[fx.Node, fx.Node]


def align(first: Body, second: Body, explain: Explain) -> Iterator[tuple[Body, Body, Unalike]]:
    """Explain in `first` what differs in `second`; yields the pairs of bodies that are not alike."""
    try:
        fellows = matched(first, second)
        for node, fellow in fellows.items():
            compare(Place(first, node, fellows), fellow, explain)
            compare_loops(Place(first, node, fellows), fellow, explain)
    except Unalike as difference:
        yield first, second, difference
        return
    for node, fellow in fellows.items():
        if "body" in node.meta:
            yield from align(node.meta["body"], fellow.meta["body"], explain)


def matched(first: Body, second: Body) -> dict[fx.Node, fx.Node]:
    """Each node of the first graph with its fellow in the second."""
    ours, theirs = (
        [node for node in body.graph.nodes if not {"explains", "chance"} & node.meta.keys()]
        for body in (first, second)
    )
    fellows: dict[fx.Node, fx.Node] = {}
    for node, fellow in zip(ours, theirs, strict=False):
        if node.op != fellow.op or node.target != fellow.target:
            raise Unalike(node, fellow, f"{node.format_node()} / {fellow.format_node()}")
        if "body" in node.meta and node.meta["body"].module is not fellow.meta["body"].module:
            raise Unalike(node, fellow, "another module")
        fellows[node] = fellow
        note_run(node, fellow)
        if "val" in fellow.meta:
            node.meta["other"] = fellow.meta["val"]
        if "value" in fellow.meta:
            node.meta["other_value"] = fellow.meta["value"]
    if len(ours) != len(theirs):
        longer = ours if len(ours) > len(theirs) else theirs
        raise Unalike(ours[-1], theirs[-1], longer[min(len(ours), len(theirs))].format_node() or "")
    return fellows


def compare_loops(place: Place, fellow: fx.Node, explain: Explain) -> None:
    """A loop that goes round as often as something is long."""
    ours: Any = repeating(place.node.meta.get("loop"))
    theirs: Any = repeating(fellow.meta.get("loop"))
    if (ours is None) != (theirs is None):
        raise Unalike(place.node, fellow, "a loop in one run alone")
    if ours is None or ours.sequences:
        return
    if ours.counted:
        count = ours.index.args[0]
        if in_other_run(count, place.fellows) not in (theirs.rounds, None):
            raise Unalike(place.node, fellow, f"{theirs.rounds} rounds, not as many as {count}")
        return
    if ours.rounds == theirs.rounds:
        return
    head = next(
        node
        for node in place.body.graph.nodes
        if node.meta.get("head_of") is ours or node is place.node
    )
    count = explained(replace(place, node=head), ours.rounds, theirs.rounds, explain)
    if count is None:
        raise Unalike(place.node, fellow, f"{ours.rounds} / {theirs.rounds} rounds")
    ours.counted = True
    if ours.index is None:
        with place.body.graph.inserting_before(head):
            ours.index = place.body.graph.call_function(index_of_round, (count,))
        ours.index.meta.update(head_of=ours, explains=ours.rounds, value=0)
    ours.index.args = (count,)


def compare(place: Place, fellow: fx.Node, explain: Explain) -> None:
    """Walk the arguments of two fellows and explain each constant that differs."""
    node = place.node
    if node.target is index_of_round:  # `compare_loops` sees to how often it goes round
        return
    held, other = node.meta.get("constant"), fellow.meta.get("constant")
    if held is not None and other is not None and held.shape != other.shape:
        raise Unalike(node, fellow, "a constant of another shape, made by other means than torch's")

    def walk(ours: Any, theirs: Any) -> Any:
        if isinstance(ours, fx.Node):
            if isinstance(theirs, fx.Node) and place.fellows.get(ours) is theirs:
                return ours
            meant = theirs.meta.get("explains", theirs) if isinstance(theirs, fx.Node) else theirs
            if "explains" in ours.meta and (
                same_constant(ours.meta["explains"], meant)
                or same_constant(in_other_run(ours, place.fellows), meant)
            ):
                return ours
            raise Unalike(node, fellow, "other operands")
        if (
            isinstance(ours, (tuple, list))
            and isinstance(theirs, (tuple, list))
            and len(ours) == len(theirs)
        ):
            return type(ours)(walk(a, b) for a, b in zip(ours, theirs, strict=True))
        if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
            return {key: walk(ours[key], theirs[key]) for key in ours}
        if isinstance(ours, slice) and isinstance(theirs, slice):
            parts = ((ours.start, theirs.start), (ours.stop, theirs.stop), (ours.step, theirs.step))
            return slice(*(walk(a, b) for a, b in parts))
        if same_constant(ours, theirs):
            return ours
        if isinstance(theirs, fx.Node) and same_constant(ours, theirs.meta.get("explains")):
            return ours
        found = explained(place, ours, theirs, explain)
        if found is None:
            raise Unalike(node, fellow, f"{ours!r} / {theirs!r}")
        return found

    args, kwargs = (
        walk(tuple(node.args), tuple(fellow.args)),
        walk(dict(node.kwargs), dict(fellow.kwargs)),
    )
    if node.meta.get("body") is None:
        node.args, node.kwargs = args, kwargs


def explained(place: Place, ours: Any, theirs: Any, explain: Explain) -> Any:
    """What a value is that was this in one run and that in the other; new nodes say what for."""
    known = set(place.body.graph.nodes)
    found = explain(place, ours, theirs)
    for made in place.body.graph.nodes:
        if made not in known:
            made.meta["explains"] = ours
    return found


def in_other_run(made: Any, fellows: Mapping[fx.Node, fx.Node]) -> Any:
    """What the expression that explains a number gives in another run; None if nobody can tell."""
    if not isinstance(made, fx.Node):
        return made
    if made in fellows:
        fellow = fellows[made]
        return fellow.meta.get("value", fellow.meta.get("val"))
    args = [in_other_run(arg, fellows) for arg in made.args]
    if made.op != "call_function" or any(arg is None for arg in args):
        return None
    try:
        return made.target(*args)  # type: ignore[operator]
    except (AttributeError, TypeError, IndexError, ValueError, ZeroDivisionError):
        return None


def same_constant(ours: Any, theirs: Any) -> bool:
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, float) and math.isnan(ours):
        return math.isnan(theirs)
    try:
        return ours is theirs or bool(ours == theirs)
    except (RuntimeError, ValueError):
        return False


# -- other sizes, another dtype --------------------------------------------------------------------


def by_size(place: Place, ours: Any, theirs: Any) -> Any:
    """The size or dtype of a value in scope that was this in one run and that in the other."""
    if isinstance(ours, torch.dtype) and isinstance(theirs, torch.dtype):
        return dtype_of_something(place, ours, theirs)
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return None
    if isinstance(ours, int) and isinstance(theirs, int):
        return size_of_something(place, ours, theirs)
    if isinstance(ours, float) and isinstance(theirs, float):
        return float_of_size(place, ours, theirs)
    return None


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


def before(node: fx.Node) -> Iterator[fx.Node]:
    """The nodes in front of one, the nearest first."""
    current = node.prev
    while current.op != "root":
        yield current
        current = current.prev


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
    known = list(pairs(place.node))
    for function, argument in [(None, None), *simple_relations(ours)]:
        for node, axis, pair in known:
            if (
                related(function, argument, pair[0]) != ours
                or related(function, argument, pair[1]) != theirs
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


def root(number: int) -> int:
    """Call target: the side of a square of `number` tokens."""
    return math.isqrt(number)


def simple_relations(ours: int) -> Iterator[tuple[Any, Any]]:
    yield root, None
    for amount in (2, 3, 4, 6, 8, 12, 16, 32, 7, 14, 64):
        yield operator.floordiv, amount
        yield operator.mul, amount
    for amount in (1, 2, 3):
        yield operator.add, amount
        yield operator.sub, amount


def related(function: Any, argument: Any, size: int) -> int | None:
    if function is None:
        return size
    if function is root and size < 0:  # a distance between positions, say
        return None
    return int(function(size, argument) if argument is not None else function(size))


def pairs(node: fx.Node) -> Iterator[tuple[fx.Node, int | None, tuple[int, int]]]:
    """Every number in scope with what it was in either run, if that differs."""
    for earlier in before(node):
        value, other_value = earlier.meta.get("value"), earlier.meta.get("other_value")
        if (
            type(value) is not bool
            and isinstance(value, int)
            and isinstance(other_value, int)
            and value != other_value
        ):
            yield earlier, None, (int(value), int(other_value))
        val, other = earlier.meta.get("val"), earlier.meta.get("other")
        if val is None or other is None or len(val.shape) != len(other.shape):
            continue
        for axis, pair in enumerate(zip(val.shape, other.shape, strict=True)):
            if pair[0] != pair[1]:
                yield earlier, axis, pair


def size_node(graph: fx.Graph, node: fx.Node, axis: int | None, value: int) -> fx.Node:
    if axis is None:
        return node
    shape = graph.call_function(getattr, (node, "shape"))
    shape.meta["length"] = len(node.meta["val"].shape)
    size = graph.call_function(operator.getitem, (shape, axis))
    size.meta["value"] = value
    return size
