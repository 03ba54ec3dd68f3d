"""Where two runs part by a decision and where they meet again: what each of them does in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from torch import fx

from unfoldify.recording.align import same_constant
from unfoldify.recording.asked import ROOTS, decided_between, parted
from unfoldify.recording.body import Body
from unfoldify.recording.capture import Recording
from unfoldify.recording.changes import is_in_place
from unfoldify.recording.decisions import Decision
from unfoldify.recording.values import same_numbers

Fellows = dict[fx.Node, fx.Node]  # node of the turned run → the same of the first


class NoFork(Exception):  # noqa: N818 (it says what two runs are not, and is no error)
    """The two runs do not meet again, or not in a way that an `if` says."""


@dataclass(frozen=True)
class Fork:
    """What a run does by one decision, and what it does where that is turned."""

    decision: Decision
    nodes: list[fx.Node]  # the first run's calls between the decision and where both meet
    others: list[fx.Node]  # the turned run's: all that its graph has between these two
    between: tuple[fx.Node, fx.Node]
    instead: dict[fx.Node, fx.Node]  # value of the first's → what goes on in its place otherwise
    fellows: Fellows
    after: int  # how many calls both make once they have met
    own: list[int]  # the decisions that the first run makes between
    inside: list[int]  # those of the turned run

    @property
    def size(self) -> int:
        """How many calls stand under the `if` and the `else`."""
        return len(self.nodes) + len(self.others)


def fork(
    base: Recording,
    turned: Recording,
    number: int,
    inner: Sequence[Fork] = (),
    their_inner: Sequence[Fork] = (),
) -> Fork:
    """What comes of one decision, given a run that goes by it and one that is turned there alone.

    They do not meet before `inner` ones do that the runs have between: `if a or b:` runs the same
    lines whether it is `a` or `b`, and no other question has led there.
    """
    ours, theirs = base.decisions[number], turned.decisions[number]
    if ours.body.path != theirs.body.path:
        raise NoFork
    before, after = parted(ours)
    their_before, their_after = parted(theirs)
    known = roots(theirs.body, ours.body)
    known.update(zip(their_before, before, strict=False))
    if len(before) != len(their_before) or not all(map(same_call, before, their_before)):
        raise NoFork
    own, inside = decided_between(turned, base, number), decided_between(base, turned, number)
    most = min(
        open_until(base, own, inner),
        open_until(turned, inside, their_inner),
    )
    found = []
    for first in {0, common_start(after, their_after, known)}:
        begun = dict(zip(their_after[:first], after[:first], strict=True))
        runs = after[first:], their_after[first:]
        meeting = first_meeting(ours.body, theirs.body, runs, {**known, **begun}, most)
        if meeting is not None:
            sides, instead, fellows, count = meeting
            start = their_after[first - 1] if first else theirs.after
            between = start, their_after[len(their_after) - count]
            found.append(Fork(ours, *sides, between, instead, fellows, count, own, inside))
    if not found:
        raise NoFork
    best = min(found, key=lambda each: each.size)
    check_elsewhere(base.root, turned.root, ours.body, best.fellows)
    return best


def first_meeting(
    body: Body,
    their_body: Body,
    runs: tuple[list[fx.Node], list[fx.Node]],
    known: Fellows,
    most: int,
) -> tuple[tuple[list[fx.Node], list[fx.Node]], dict[fx.Node, fx.Node], Fellows, int] | None:
    """What either run does until both go on alike, with at `most` so many calls from there on."""
    after, their_after = runs
    for count in range(min(most, common_end(after, their_after)), 0, -1):
        at, there = len(after) - count, len(their_after) - count
        sides = after[:at], their_after[:there]
        fellows = {**known, **dict(zip(their_after[there:], after[at:], strict=True))}
        with suppress(NoFork):  # else they meet later
            instead = joins(body, their_body, sides, after[at:], their_after[there:], fellows)
            return sides, instead, fellows, count
    return None


def common_start(after: list[fx.Node], their_after: list[fx.Node], known: Fellows) -> int:
    """How many calls both make alike before they part: what is asked of all layers is asked before
    the first of them runs.
    """
    fellows, count = dict(known), 0
    for mine, other in zip(after, their_after, strict=False):
        places = mine.meta.get("positions", ()), other.meta.get("positions", ())
        if not same_call(mine, other) or places[0] != places[1] or "mutates" in mine.meta:
            break
        try:
            pairs = list(leaves((mine.args, mine.kwargs), (other.args, other.kwargs)))
        except NoFork:
            break
        if mine.op == "output" or not all(
            is_same(fellows.get(its, its), one) for one, its in pairs
        ):
            break
        fellows[other] = mine
        count += 1
    return count


def open_until(run: Recording, numbers: Sequence[int], inner: Sequence[Fork]) -> int:
    """How many calls there are from where all of some decisions have met."""
    decisions = [run.decisions[number] for number in numbers]
    return min((f.after for f in inner if any(f.decision is d for d in decisions)), default=1 << 30)


def same_call(one: fx.Node, other: fx.Node) -> bool:
    return (one.op, one.target) == (other.op, other.target)


def common_end(after: list[fx.Node], their_after: list[fx.Node]) -> int:
    """How many of the last calls are the same, from the same places of the user's file."""
    count = 0
    for mine, other in zip(reversed(after), reversed(their_after), strict=False):
        places = mine.meta.get("positions", ()), other.meta.get("positions", ())
        if not same_call(mine, other) or places[0] != places[1]:
            break
        count += 1
    return count


def roots(theirs: Body, ours: Body) -> Fellows:
    """The arguments and attributes of one body, by those of the other; constants by what they hold."""
    known = {(n.op, n.target): n for n in ours.graph.nodes if n.op in ROOTS}
    held = [n for n in known.values() if "constant" in n.meta]
    found: Fellows = {}
    for node in theirs.graph.nodes:
        if node.op not in ROOTS:
            continue
        mine = known.get((node.op, node.target))
        constant = node.meta.get("constant")
        if constant is not None:
            ordered = sorted(held, key=lambda n: n is not mine)
            mine = next((n for n in ordered if same_numbers(n.meta["constant"], constant)), None)
        if mine is not None:
            found[node] = mine
    return found


def joins(
    body: Body,
    their_body: Body,
    sides: tuple[list[fx.Node], list[fx.Node]],
    rest: list[fx.Node],
    their_rest: list[fx.Node],
    fellows: Fellows,
) -> dict[fx.Node, fx.Node]:
    """What both runs go on with, each with a value of its own: that of the first → the other's."""
    nodes, others = set(sides[0]), set(sides[1])
    behind = set(rest)
    instead: dict[fx.Node, fx.Node] = {}
    for node in sides[1]:
        if not all(n in others or n in fellows or n.op == "get_attr" for n in node.all_input_nodes):
            raise NoFork  # an argument that the first run's graph does not have
    pairs = [
        ((a.args, a.kwargs), (b.args, b.kwargs)) for a, b in zip(rest, their_rest, strict=True)
    ]
    for ours, theirs in [*pairs, (body.exports, their_body.exports)]:
        for mine, other in leaves(ours, theirs):
            meant = fellows.get(other, other)
            if is_same(meant, mine):
                continue
            is_outer = other in fellows and meant not in nodes and meant not in behind
            is_side = other in others or other.op == "get_attr"
            if mine not in nodes or not (is_outer or is_side) or not same_kind(mine, meant):
                raise NoFork
            if instead.setdefault(mine, meant) is not meant:
                raise NoFork
    if not all(changed_alike(*pair, fellows) for pair in instead.items()):
        raise NoFork
    return instead


def is_same(one: fx.Node, other: fx.Node) -> bool:
    """Whether two nodes are one value: an attribute may be read by several."""
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


def leaves(ours: Any, theirs: Any) -> Iterator[tuple[fx.Node, fx.Node]]:
    """The nodes of two calls' arguments, side by side; the rest must be the same."""
    if isinstance(ours, fx.Node) and isinstance(theirs, fx.Node):
        yield ours, theirs
    elif isinstance(ours, (tuple, list)) and isinstance(theirs, (tuple, list)):
        if len(ours) != len(theirs):
            raise NoFork
        for mine, other in zip(ours, theirs, strict=True):
            yield from leaves(mine, other)
    elif isinstance(ours, dict) and isinstance(theirs, dict):
        if ours.keys() != theirs.keys():
            raise NoFork
        for key in ours:
            yield from leaves(ours[key], theirs[key])
    elif isinstance(ours, slice) and isinstance(theirs, slice):
        for part in ("start", "stop", "step"):
            yield from leaves(getattr(ours, part), getattr(theirs, part))
    elif (
        isinstance(ours, fx.Node) or isinstance(theirs, fx.Node) or not same_constant(ours, theirs)
    ):
        raise NoFork


def check_elsewhere(ours: Body, theirs: Body, at: Body, fellows: Fellows) -> None:
    """Raises where the two runs also differ outside of the body whose decision was turned."""
    if ours is at:
        pairs = [(a, b) for b, a in fellows.items()]
    else:
        mine, other = (
            [n for n in body.graph.nodes if n.op not in ROOTS] for body in (ours, theirs)
        )
        if len(mine) != len(other) or not all(map(same_call, mine, other)):
            raise NoFork
        pairs = list(zip(mine, other, strict=True))
        known = {**roots(theirs, ours), **{b: a for a, b in pairs}}
        for a, b in pairs:
            for one, its in leaves((a.args, a.kwargs), (b.args, b.kwargs)):
                if not is_same(known.get(its, its), one):
                    raise NoFork
    for a, b in pairs:
        if "body" in a.meta and "body" in b.meta:
            check_elsewhere(a.meta["body"], b.meta["body"], at, fellows)
