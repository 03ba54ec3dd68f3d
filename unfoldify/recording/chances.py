"""What runs or not: dropped layers, an early return by chance, one of two ways by a value.

A run goes one way. Where a number that was drawn decided it, or another value, the model runs again,
once with each decision turned. What the two runs do differently stands in the file under an `if`,
what the second does under its `else`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, fx

from unfoldify.recording.asked import decided_between, place_of
from unfoldify.recording.body import Body
from unfoldify.recording.capture import Recording
from unfoldify.recording.decisions import MOST, Decision, Outcomes, Place, Read
from unfoldify.recording.forks import Fork, fork
from unfoldify.recording.joins import NoFork
from unfoldify.recording.sides import decides, put_under_if

DEEPEST = 4  # blocks in blocks that the first run skips
MOST_BY_VALUE = 24  # values that one run is asked about: in loops over time there are more
MOST_BY_SIZE = 24  # sizes that it is asked about, likewise
MOST_TWICE = 24  # calls that a value decides about and that stand on both sides all the same

Run = Callable[..., Recording]


@dataclass(frozen=True)
class Way:
    """A run that is the first one for each of its decisions, and where others part from it."""

    recording: Recording
    forks: list[tuple[Fork, Way]]  # and what the turned run does, which may be decided as well


def with_blocks(run: Run, recording: Recording) -> Recording:
    """The recording with what is decided under an `if`, as far as that says it."""
    by_size = sum(decision.by_size for decision in recording.decisions)
    by_value = sum(not decision.drawn for decision in recording.decisions) - by_size
    if not 0 < len(recording.decisions) <= MOST:
        return recording
    if by_value > MOST_BY_VALUE or by_size > MOST_BY_SIZE:
        return recording
    with suppress(Exception):  # NoFork, or it does not run another way
        way = explored(run, Outcomes(), lambda found: list(range(len(found.decisions))))
        constants = put_all(way)
        return replace(
            way.recording,
            reads=tuple(untold(way)),
            constants={**way.recording.constants, **constants},
            settled=frozenset(settled(way)) - frozenset(undecided(way)),
        )
    return recording


def explored(
    run: Run,
    start: Outcomes,
    numbers: Callable[[Recording], list[int]],
    told: frozenset[Place] = frozenset(),
) -> Way:
    """The run that is to be the first one for its decisions, those of the `numbers`, but for those
    at the places `told`: it goes through every block.
    """
    outcomes = start
    wanted: set[Decision] = set()
    for _ in range(DEEPEST):
        try:
            base = run(outcomes=outcomes)
        except Exception:  # a loop that goes on as long as it is told to, or what is not to be
            if not wanted or any(decision.drawn for decision in wanted):
                raise
            return explored(run, start, numbers, told | {each.place for each in wanted})
        found, turning = parting(run, outcomes, base, numbers(base), told)
        deep = too_deep(base, found)
        if deep:
            return explored(run, start, numbers, told | deep)
        if not turning:
            return Way(base, found)
        wanted |= turning
        outcomes = outcomes.want({(each.place, not each.outcome) for each in turning})
    raise NoFork


def too_deep(base: Recording, found: list[tuple[Fork, Way]]) -> set[Place]:
    """The places where a block would be in a block, in a block: the rounds of a loop that ends by what
    is asked.
    """
    deep = set()
    for each, _ in found:
        place = each.decision.place
        if sum(base.decisions[number].place == place for number in each.own) >= DEEPEST:
            if each.decision.drawn:
                raise NoFork
            deep.add(place)
    return deep


def parting(
    run: Run,
    outcomes: Outcomes,
    base: Recording,
    numbers: list[int],
    told: frozenset[Place],
) -> tuple[list[tuple[Fork, Way]], set[Decision]]:
    """Where others part from a run, and what is to be answered otherwise for it to be the first."""
    found: list[tuple[Fork, Way]] = []
    turning: set[Decision] = set()
    for number in reversed(numbers):  # what is decided inside others comes first
        decision = base.decisions[number]
        if decision.place in told:
            continue
        with suppress(*(() if decision.drawn else (Exception,))):  # then it is told
            turned = outcomes.give(number, not decision.outcome).want(as_they_are(base, decision))
            way = deeper(run, turned, base, number, told)
            each = either_way(Way(base, found), way, number)
            if each.decision is decision:
                found.insert(0, (each, way))
            else:
                turning.add(decision)
    return found, turning


def as_they_are(base: Recording, turned: Decision) -> set[tuple[Place, bool]]:
    """The other answers that sizes gave: what is padded where it need not be is longer from there on."""
    if not turned.by_size:
        return set()
    answers = {(each.place, each.outcome) for each in base.decisions if each.by_size}
    return {
        (place, answer)
        for place, answer in answers
        if place != turned.place and (place, not answer) not in answers
    }


def deeper(
    run: Run, outcomes: Outcomes, base: Recording, number: int, told: frozenset[Place]
) -> Way:
    """The turned run, where it decides itself what it does on its side: the one that is the first."""
    turned = run(outcomes=outcomes)
    asked = turned.decisions[number]
    inside = [turned.decisions[n] for n in decided_between(base, turned, number)]
    goes_on = any(d.place == asked.place and place_of(d, asked) > 0 for d in inside)
    if not inside or goes_on:  # a loop: there is always one more
        return Way(turned, [])
    return explored(run, outcomes, lambda other: decided_between(base, other, number), told)


def either_way(base: Way, turned: Way, number: int) -> Fork:
    """Where two runs part, seen from the one of which that says more: it runs through the block, or
    what it does is so if the condition is.
    """
    found = []
    for one, other in ((base, turned), (turned, base)):
        inner = ([each for each, _ in way.forks] for way in (one, other))
        with suppress(NoFork):
            each = fork(one.recording, other.recording, number, *inner)
            if each.nodes or not each.others:
                found.append(each)
    if not found:
        raise NoFork
    best = min(found, key=lambda each: (each.size, not each.decision.outcome))
    if not best.decision.drawn and said_twice(best) > MOST_TWICE:
        raise NoFork
    if best.decision.by_size and is_asked_again(best, base.recording, turned.recording):
        raise NoFork
    return best


def is_asked_again(found: Fork, *ways: Recording) -> bool:
    """Whether a size decides about more of the same: a function that calls itself, or a loop that breaks
    off, goes deeper the larger it is.
    """
    where = found.decision.body.path, found.decision.read.sites[:1]
    first, second = (
        sum((each.body.path, each.read.sites[:1]) == where for each in way.decisions)
        for way in ways
    )
    return first != second


def said_twice(found: Fork) -> int:
    """How many calls both sides make alike: of a mask that is there or not, say, all that read it."""
    places = {node.meta.get("positions") for node in found.nodes}
    return sum(calls_in(n) for n in found.others if n.meta.get("positions") in places)


def calls_in(node: fx.Node) -> int:
    """How many calls stand for one, with those of the module that it calls."""
    child: Body | None = node.meta.get("body")
    return 1 if child is None else 1 + sum(map(calls_in, child.graph.nodes))


def put_all(way: Way) -> dict[str, Tensor]:
    """Puts all under their `if`, in place; answers the constants that come from other runs."""
    constants: dict[str, Tensor] = {}
    for found, other in way.forks:
        constants |= put_all(other)
        constants |= put_under_if(found)
    return constants


def settled(way: Way) -> Iterator[Any]:
    """The places of all that is asked under an `if`."""
    for found, other in way.forks:
        if decides(found) and not found.decision.by_size:
            yield found.decision.place
        yield from settled(other)


def undecided(way: Way) -> Iterator[Place]:
    """The places where the first run asks something else that is under no `if`."""
    asked = [found.decision for found, _ in way.forks if decides(found)]
    yield from (d.place for d in way.recording.decisions if not any(d is a for a in asked))


def untold(way: Way) -> Iterator[Read]:
    """What Python looked at that no `if` says."""
    said = [found.decision.read for found, _ in way.forks]
    known = {(read.call, read.sites) for read in way.recording.reads}
    yield from (r for r in way.recording.reads if not any(r is s for s in said))
    for _, other in way.forks:
        yield from (r for r in untold(other) if (r.call, r.sites) not in known)
