"""Which answers a run turns together, and which stay as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from unfoldify.recording.capture import Recording
from unfoldify.recording.decisions import Decision, Place


def together(base: Recording, numbers: list[int]) -> list[list[int]]:
    """The decisions by one line of one size each, in many layers: what it decides in one of them is
    nothing to the others, so that they are turned in one run. All others are turned one by one.
    """
    places = Counter(each.place for each in base.decisions)
    groups: dict[Any, list[int]] = {}
    for number in numbers:
        decision = base.decisions[number]
        alone = not decision.by_size or places[decision.place] > 1
        groups.setdefault(number if alone else decision.place[1:], []).append(number)
    return sorted(groups.values())


def same_number(base: Recording, run: Recording, number: int, group: list[int]) -> int:
    """Which decision of another run is that of the first."""
    if len(group) == 1:
        return number
    place = base.decisions[number].place
    return next(n for n, each in enumerate(run.decisions) if each.place == place)


def as_they_are(base: Recording, turned: Collection[Decision]) -> set[tuple[Place, bool]]:
    """The other answers that sizes gave: what is padded where it need not be is longer from there on."""
    if not all(each.by_size for each in turned):
        return set()
    answers = {(each.place, each.outcome) for each in base.decisions if each.by_size}
    places = {each.place for each in turned}
    return {
        (place, answer)
        for place, answer in answers
        if place not in places and (place, not answer) not in answers
    }
