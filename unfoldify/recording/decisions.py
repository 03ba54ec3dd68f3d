"""What Python asked of a value while the model ran, and how a run is made to take the other way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from torch import fx

from unfoldify.recording.body import Body
from unfoldify.recording.calls import REMAINDER, SIZE
from unfoldify.recording.source import Position, site
from unfoldify.recording.spelling import call_name

MOST = 64  # decisions of one run: to turn each of them is a run

_DRAWS = ("rand", "normal", "bernoulli", "uniform")


Place = tuple[Any, ...]


@dataclass(frozen=True)
class Read:
    """A tensor's value that Python looked at while the model ran: what it decided is fixed."""

    call: str
    value: Any
    sites: tuple[Position, ...]


@dataclass(frozen=True, eq=False)
class Decision:
    """Python asked whether something is so: in which graph, behind which of its calls."""

    body: Body
    condition: fx.Node
    after: fx.Node
    read: Read  # what is told of it, where no block says it
    outcome: bool  # what Python was told
    drawn: bool

    @property
    def place(self) -> Place:
        """Where it was asked."""
        return place_in(self.body, self.read.sites)

    @property
    def by_size(self) -> bool:
        return self.read.call in (REMAINDER, SIZE)


@dataclass(frozen=True)
class Outcomes:
    """What Python is told: what is so, but for the decisions that are `turned`, those of which the
    answer is `given`, and at the places for which one is `wanted`. Of what is drawn nothing is so, or
    with `as_drawn` what is drawn.
    """

    turned: frozenset[int] = frozenset()
    given: frozenset[tuple[int, bool]] = frozenset()
    wanted: frozenset[tuple[Place, bool]] = frozenset()
    as_drawn: bool = False

    def of(self, number: int, place: Place, outcome: bool, drawn: bool) -> bool:
        for answer in (True, False):
            if (number, answer) in self.given:
                return answer
        usual = outcome and (self.as_drawn or not drawn)
        if (place, not usual) in self.wanted:
            usual = not usual
        return usual is not (number in self.turned)

    def give(self, number: int, answer: bool) -> Outcomes:
        return replace(self, given=self.given - {(number, not answer)} | {(number, answer)})

    def want(self, answers: Collection[tuple[Place, bool]]) -> Outcomes:
        others = {(place, not answer) for place, answer in answers}
        return replace(self, wanted=(self.wanted - others) | frozenset(answers))


def place_in(body: Body, sites: tuple[Position, ...]) -> Place:
    """Where something is asked, by which module: the same in all rounds of a `while`, which Python
    asks in two places.
    """
    return body.path, *(site(position) or position for position in sites)


def runs_to_turn(places: Counter[Place]) -> int:
    """How many runs it takes to turn what sizes have decided at some places: where one line is asked in
    many layers, once in each, one is enough.
    """
    alike = {place[1:] for place, times in places.items() if times == 1}
    return len(alike) + sum(times for times in places.values() if times > 1)


def is_drawn(node: fx.Node) -> bool:
    """Whether a value comes from draws, and else from numbers and sizes alone."""
    found, waiting = False, [node]
    while waiting:
        current = waiting.pop()
        name = current.target if isinstance(current.target, str) else call_name(current.target)
        if current.op in ("placeholder", "get_attr", "call_module"):
            return False
        if name.startswith(_DRAWS):
            found = True
        elif not (current.target is getattr and current.args[1] == "shape"):
            waiting.extend(current.all_input_nodes)
    return found
