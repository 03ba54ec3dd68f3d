"""Where two runs part by a decision and where they meet again: what each of them does in between."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from torch import fx

from unfoldify.recording.asked import ROOTS, decided_between, parted
from unfoldify.recording.body import Body
from unfoldify.recording.capture import Recording
from unfoldify.recording.choices import Choice
from unfoldify.recording.decisions import Decision
from unfoldify.recording.joins import Fellows, NoFork, Sides, is_same, joins, leaves, same_call
from unfoldify.recording.values import same_numbers


@dataclass(frozen=True)
class Meeting:
    """Where two runs go on alike, and how they have got there."""

    sides: Sides  # the calls of either run up to there
    instead: dict[fx.Node, fx.Node]  # value of the first's → what goes on in its place otherwise
    choices: list[Choice]  # calls behind that go on with one number or another
    fellows: Fellows
    at: fx.Node  # the first of the calls that both make from there on
    count: int  # how many these are


@dataclass(frozen=True)
class Fork:
    """What a run does by one decision, and what it does where that is turned."""

    decision: Decision
    meeting: Meeting
    between: tuple[fx.Node, fx.Node]  # the turned run's: its side is all that its graph has there
    own: list[int]  # the decisions that the first run makes between
    inside: list[int]  # those of the turned run

    @property
    def nodes(self) -> list[fx.Node]:
        """The first run's calls between the decision and where both meet."""
        return self.meeting.sides[0]

    @property
    def others(self) -> list[fx.Node]:
        return self.meeting.sides[1]

    @property
    def size(self) -> int:
        """How many calls stand under the `if` and the `else`."""
        return len(self.nodes) + len(self.others)


def fork(
    base: Recording,
    turned: Recording,
    numbers: tuple[int, int],
    inner: Sequence[Fork] = (),
    their_inner: Sequence[Fork] = (),
    also: Collection[str] = (),
) -> Fork:
    """What comes of one decision, given a run that goes by it and one that is turned there, and in the
    modules `also`, alone. The `numbers` are those of the decision in both runs.

    They do not meet before `inner` ones do that the runs have between: `if a or b:` runs the same
    lines whether it is `a` or `b`, and no other question has led there.
    """
    number, other = numbers
    ours, theirs = base.decisions[number], turned.decisions[other]
    if ours.body.path != theirs.body.path:
        raise NoFork
    before, after = parted(ours)
    their_before, their_after = parted(theirs)
    known = roots(theirs.body, ours.body)
    known.update(zip(their_before, before, strict=False))
    if len(before) != len(their_before) or not all(map(same_call, before, their_before)):
        raise NoFork
    own = decided_between(turned, base, other, number)
    inside = decided_between(base, turned, number, other)
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
            start = their_after[first - 1] if first else theirs.after
            between = start, their_after[len(their_after) - meeting.count]
            found.append(Fork(ours, meeting, between, own, inside))
    if not found:
        raise NoFork
    best = min(found, key=lambda each: each.size)
    check_elsewhere(base.root, turned.root, ours.body, best.meeting.fellows, also)
    return best


def first_meeting(
    body: Body,
    their_body: Body,
    runs: tuple[list[fx.Node], list[fx.Node]],
    known: Fellows,
    most: int,
) -> Meeting | None:
    """What either run does until both go on alike, with at `most` so many calls from there on."""
    after, their_after = runs
    for count in range(min(most, common_end(after, their_after)), 0, -1):
        at, there = len(after) - count, len(their_after) - count
        sides = after[:at], their_after[:there]
        fellows = {**known, **dict(zip(their_after[there:], after[at:], strict=True))}
        with suppress(NoFork):  # else they meet later
            joined = joins(body, their_body, sides, after[at:], their_after[there:], fellows)
            return Meeting(sides, *joined, fellows, after[at], count)
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
    return min(
        (f.meeting.count for f in inner if any(f.decision is d for d in decisions)), default=1 << 30
    )


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


def check_elsewhere(
    ours: Body, theirs: Body, at: Body, fellows: Fellows, also: Collection[str]
) -> None:
    """Raises where the two runs also differ outside of the bodies whose decision was turned."""
    if ours is not at and ours.path in also:
        return
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
            check_elsewhere(a.meta["body"], b.meta["body"], at, fellows, also)
