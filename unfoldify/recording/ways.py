"""The runs of a model that is told otherwise at one decision after another, and where they part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from torch import fx

from unfoldify.recording.asked import decided_between, is_in, place_of
from unfoldify.recording.body import Body
from unfoldify.recording.capture import Recording
from unfoldify.recording.decisions import Decision, Outcomes, Place
from unfoldify.recording.elsewhere import Call
from unfoldify.recording.forks import Fork, fork
from unfoldify.recording.joins import NoFork
from unfoldify.recording.turned_together import as_they_are, same_number, together

DEEPEST = 4  # blocks in blocks that the first run skips
MOST_TWICE = 24  # calls that are decided about and that stand on both sides all the same

Run = Callable[..., Recording]
Given = Call | None  # what a run is called with; None: the example
OtherCalls = Callable[[], Iterable[Call]]  # with inputs of other sizes
Found = TypeVar("Found")


@dataclass(frozen=True)
class Way:
    """A run that is the first one for each of its decisions, and where others part from it."""

    recording: Recording
    forks: list[tuple[Fork, Way]]  # and what the turned run does, which may be decided as well


@dataclass(frozen=True)
class Explorer:
    """Runs the model with other and other answers."""

    run: Run
    elsewhere: OtherCalls

    def explored(
        self,
        start: Outcomes,
        numbers: Callable[[Recording], list[int]],
        told: frozenset[Place] = frozenset(),
        given: Given = None,
    ) -> Way:
        """The run that is to be the first one for its decisions, those of the `numbers`, but for those
        at the places `told`: it goes through every block. With `given`, it is one with other inputs.
        """
        outcomes = start
        wanted: set[Decision] = set()
        for _ in range(DEEPEST):
            try:
                base, given = self.begun(outcomes, wanted, given)
            except Exception:  # a loop that goes on as long as it is told to, or what is not to be
                if not wanted or any(decision.drawn for decision in wanted):
                    raise
                left = told | {each.place for each in wanted}
                return self.explored(start, numbers, left, given)
            found, turning = self.parting(outcomes, base, numbers(base), told, given)
            deep = too_deep(base, found)
            if deep:
                return self.explored(start, numbers, told | deep, given)
            if not turning:
                return Way(base, found)
            wanted |= turning
            outcomes = outcomes.want({(each.place, not each.outcome) for each in turning})
        raise NoFork

    def begun(
        self, outcomes: Outcomes, wanted: Collection[Decision], given: Given
    ) -> tuple[Recording, Given]:
        """The first run, and its inputs: others where it does not run with the answers that are `wanted`."""
        tried = self.tried(wanted, given)
        return first_of(tried, lambda inputs: (self.run(outcomes=outcomes, given=inputs), inputs))

    def parting(
        self,
        outcomes: Outcomes,
        base: Recording,
        numbers: list[int],
        told: frozenset[Place],
        given: Given,
    ) -> tuple[list[tuple[Fork, Way]], set[Decision]]:
        """Where others part from a run, and what is to be answered otherwise for it to be the first."""
        found: dict[int, tuple[Fork, Way]] = {}
        turning: set[Decision] = set()
        waiting = together(base, [n for n in numbers if base.decisions[n].place not in told])
        while waiting:
            group = waiting.pop()  # what is decided inside others comes first
            asked = [base.decisions[number] for number in group]
            inner = [found[number] for number in sorted(found)]
            try:
                ways = self.turned(outcomes, base, group, told, given)
                forks = [
                    either_way(Way(base, inner), way, number, group)
                    for number, way in zip(group, ways, strict=True)
                ]
            except Exception:
                if any(each.drawn for each in asked):
                    raise
                if len(group) > 1:
                    waiting.extend([number] for number in group)
                continue  # it is told
            for number, decision, each, way in zip(group, asked, forks, ways, strict=True):
                if each.decision is decision:
                    found[number] = (each, way)
                else:
                    turning.add(decision)
        return [found[number] for number in sorted(found)], turning

    def turned(
        self,
        outcomes: Outcomes,
        base: Recording,
        group: list[int],
        told: frozenset[Place],
        given: Given,
    ) -> list[Way]:
        """The run that is turned at some decisions alike, as it looks to each of them; with the first
        inputs that let it run so.
        """
        asked = [base.decisions[number] for number in group]
        if len(group) > 1:
            outcomes = outcomes.want({(each.place, not each.outcome) for each in asked})
        else:
            outcomes = outcomes.give(group[0], not asked[0].outcome)
        outcomes = outcomes.want(as_they_are(base, asked))
        tried = self.tried(asked, given)
        return first_of(tried, lambda inputs: self.deeper(outcomes, base, group, told, inputs))

    def tried(self, asked: Collection[Decision], given: Given) -> Iterator[Given]:
        """The inputs for which a run may be told otherwise: only of sizes there are others."""
        yield given
        if asked and all(each.by_size for each in asked):
            yield from self.elsewhere()

    def deeper(
        self,
        outcomes: Outcomes,
        base: Recording,
        group: list[int],
        told: frozenset[Place],
        given: Given,
    ) -> list[Way]:
        """The turned run, where it decides itself what it does on its side: the one that is the first."""

        def inside(run: Recording) -> list[int]:
            found = (decided_between(base, run, n, same_number(base, run, n, group)) for n in group)
            return sorted(set(chain.from_iterable(found)))

        turned = self.run(outcomes=outcomes, given=given)
        asked = [turned.decisions[same_number(base, turned, n, group)] for n in group]
        between = [turned.decisions[n] for n in inside(turned)]
        goes_on = any(
            d.place == each.place and place_of(d, each) > 0 for d in between for each in asked
        )
        if not between or goes_on:  # a loop: there is always one more
            return [Way(turned, [])] * len(group)
        way = self.explored(outcomes, inside, told, given)
        if len(group) == 1:
            return [way]
        theirs = [
            way.recording.decisions[same_number(base, way.recording, n, group)] for n in group
        ]
        return [
            Way(way.recording, [f for f in way.forks if is_in(f[0].decision.body, each.body)])
            for each in theirs
        ]


def first_of(tried: Iterator[Given], run: Callable[[Given], Found]) -> Found:
    """What runs with the first inputs that it takes."""
    try:
        return run(next(tried))
    except Exception as error:
        for inputs in tried:
            with suppress(Exception):
                return run(inputs)
        raise error


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


def either_way(base: Way, turned: Way, number: int, group: list[int]) -> Fork:
    """Where two runs part, seen from the one of which that says more: it runs through the block, or
    what it does is so if the condition is.
    """
    found = []
    theirs = same_number(base.recording, turned.recording, number, group)
    also = frozenset(base.recording.decisions[each].body.path for each in group)
    for one, other in (((base, number), (turned, theirs)), ((turned, theirs), (base, number))):
        mine, its = ([each for each, _ in way.forks] for way, _ in (one, other))
        at = (one[1], other[1])
        with suppress(NoFork):
            each = fork(one[0].recording, other[0].recording, at, mine, its, also)
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
