"""What runs or not: dropped layers, an early return by chance, one of two ways by a value.

A run goes one way. Where a number that was drawn decided it, or another value, the model runs again,
once with each decision turned. What the two runs do differently stands in the file under an `if`,
what the second does under its `else`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from torch import Tensor

from unfoldify.recording.capture import Recording
from unfoldify.recording.decisions import MOST, Outcomes, Place, Read, runs_to_turn
from unfoldify.recording.sides import decides, put_under_if
from unfoldify.recording.ways import Explorer, OtherCalls, Run, Way

MOST_BY_VALUE = 24  # values that one run is asked about: in loops over time there are more
MOST_BY_SIZE = 24  # sizes that it is asked about, likewise
MOST_RUNS = 128  # for all that is asked inside others, too: each of those doubles them


class Enough(BaseException):
    """No more runs, wherever the search for blocks is: no other run is tried in its place."""


def with_blocks(run: Run, recording: Recording, elsewhere: OtherCalls = lambda: ()) -> Recording:
    """The recording with what is decided under an `if`, as far as that says it. What does not run with
    a size's answer turned may do so `elsewhere`, for inputs of a size of which the answer is so.
    """
    by_size = [decision for decision in recording.decisions if decision.by_size]
    others = [decision for decision in recording.decisions if not decision.by_size]
    by_value = sum(not decision.drawn for decision in others)
    if not recording.decisions or len(others) > MOST or by_value > MOST_BY_VALUE:
        return recording
    if runs_to_turn(Counter(each.place for each in by_size)) > MOST_BY_SIZE:
        return recording
    with suppress(Exception, Enough):  # NoFork, or it does not run another way
        explore = Explorer(at_most(MOST_RUNS, run), elsewhere).explored
        way = explore(Outcomes(), lambda found: list(range(len(found.decisions))))
        constants = put_all(way)
        return replace(
            way.recording,
            reads=tuple(untold(way)),
            constants={**way.recording.constants, **constants},
            settled=frozenset(settled(way)) - frozenset(undecided(way)),
        )
    return recording


def at_most(runs: int, run: Run) -> Run:
    left = iter(range(runs))

    def counted(**options: Any) -> Recording:
        if next(left, None) is None:
            raise Enough
        return run(**options)

    return counted


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
