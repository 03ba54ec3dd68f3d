"""What two runs go on with where they meet again, each with values of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import fx

from unfoldify.recording.align import same_constant
from unfoldify.recording.body import Body
from unfoldify.recording.changes import is_in_place
from unfoldify.recording.choices import Choice, is_number, may_be_chosen

Fellows = dict[fx.Node, fx.Node]  # node of the turned run → the same of the first
Sides = tuple[list[fx.Node], list[fx.Node]]  # what either run does by itself
Joined = tuple[dict[fx.Node, fx.Node], list[Choice]]  # what each of them goes on with


class NoFork(Exception):  # noqa: N818 (it says what two runs are not, and is no error)
    """The two runs do not meet again, or not in a way that an `if` says."""


def joins(
    body: Body,
    their_body: Body,
    sides: Sides,
    rest: list[fx.Node],
    their_rest: list[fx.Node],
    fellows: Fellows,
) -> Joined:
    """What both runs go on with, each with a value of its own: that of the first → the other's. Where
    they only have other numbers, these are chosen between.
    """
    nodes, others = set(sides[0]), set(sides[1])
    behind, only_numbers = set(rest), all(map(is_number, (*sides[0], *sides[1])))
    instead: dict[fx.Node, fx.Node] = {}
    choices: list[Choice] = []
    for node in sides[1]:
        if not all(n in others or n in fellows or n.op == "get_attr" for n in node.all_input_nodes):
            raise NoFork  # an argument that the first run's graph does not have
    pairs = list(zip(rest, their_rest, strict=True))
    calls = [(Choice(a, b), (a.args, a.kwargs), (b.args, b.kwargs)) for a, b in pairs]
    for call, ours, theirs in [*calls, (None, body.exports, their_body.exports)]:
        for mine, other in leaves(ours, theirs, numbers=call is not None):
            meant = fellows.get(other, other)
            if is_same(meant, mine):
                continue
            own = mine in nodes or other in others
            if call is not None and (only_numbers or not own) and may_be_chosen(mine, meant):
                if call not in choices:
                    choices.append(call)
                continue
            if not (isinstance(mine, fx.Node) and isinstance(other, fx.Node)):
                raise NoFork
            is_outer = other in fellows and meant not in nodes and meant not in behind
            is_side = other in others or other.op == "get_attr"
            if mine not in nodes or not (is_outer or is_side) or not same_kind(mine, meant):
                raise NoFork
            if instead.setdefault(mine, meant) is not meant:
                raise NoFork
    if not all(changed_alike(*pair, fellows) for pair in instead.items()):
        raise NoFork
    return instead, choices


def is_same(one: Any, other: Any) -> bool:
    """Whether two nodes are one value: an attribute may be read by several."""
    if not (isinstance(one, fx.Node) and isinstance(other, fx.Node)):
        return False
    is_read = one.op == "get_attr" and "constant" not in one.meta
    return one is other or (is_read and same_call(one, other))


def same_kind(one: fx.Node, other: fx.Node) -> bool:
    """Whether two values may go by one name: what is done with them is written for either."""
    if one.meta.get("length") != other.meta.get("length"):
        return False
    ours, theirs = one.meta.get("val"), other.meta.get("val")
    if ours is None or theirs is None:
        return ours is theirs
    return (ours.dtype, len(ours.shape)) == (theirs.dtype, len(theirs.shape))


def changed_alike(mine: fx.Node, other: fx.Node, fellows: Fellows) -> bool:
    """Whether values that go on, of which one is what a side has changed in place, are one tensor."""
    ours, theirs = of_change(mine), of_change(other)
    if (ours, theirs) == (mine, other):
        return True
    return fellows.get(theirs, theirs) is ours


def of_change(node: fx.Node) -> fx.Node:
    """The value that a call has changed in place, where it hands back that."""
    while is_in_place(node):
        node = node.args[0]  # type: ignore[assignment]
    return node


def leaves(ours: Any, theirs: Any, numbers: bool = False) -> Iterator[tuple[Any, Any]]:
    """The nodes of two calls' arguments, side by side; the rest must be the same, or with `numbers`
    is answered where it is numbers.
    """
    if isinstance(ours, fx.Node) and isinstance(theirs, fx.Node):
        yield ours, theirs
    elif isinstance(ours, (tuple, list)) and isinstance(theirs, (tuple, list)):
        if len(ours) != len(theirs):
            raise NoFork
        for mine, other in zip(ours, theirs, strict=True):
            yield from leaves(mine, other, numbers)
    elif isinstance(ours, dict) and isinstance(theirs, dict):
        if ours.keys() != theirs.keys():
            raise NoFork
        for key in ours:
            yield from leaves(ours[key], theirs[key], numbers)
    elif isinstance(ours, slice) and isinstance(theirs, slice):
        for part in ("start", "stop", "step"):
            yield from leaves(getattr(ours, part), getattr(theirs, part), numbers)
    elif (
        isinstance(ours, fx.Node) or isinstance(theirs, fx.Node) or not same_constant(ours, theirs)
    ):
        if not (numbers and may_be_chosen(ours, theirs)):
            raise NoFork
        yield ours, theirs


def same_call(one: fx.Node, other: fx.Node) -> bool:
    return (one.op, one.target) == (other.op, other.target)
