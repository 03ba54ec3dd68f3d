"""What Python asked of a value while the model ran, and how a run is made to take the other way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from torch import fx

from unfoldify.recording.body import Body
from unfoldify.recording.spelling import call_name

MOST = 64  # decisions of one run: to turn each of them is a run

_DRAWS = ("rand", "normal", "bernoulli", "uniform")


@dataclass(frozen=True)
class Decision:
    """Python asked whether something is so: in which graph, behind which of its calls."""

    body: Body
    condition: fx.Node
    after: fx.Node
    read: object  # what is told of it, where no block says it
    outcome: bool  # what Python was told
    drawn: bool


@dataclass(frozen=True)
class Outcomes:
    """What Python is told: what is usual, but for the decisions that are `turned`."""

    turned: frozenset[int] = frozenset()

    def of(self, number: int, usual: bool) -> bool:
        return usual is not (number in self.turned)

    def turn(self, numbers: Collection[int]) -> Outcomes:
        return Outcomes(self.turned ^ frozenset(numbers))


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
