"""Decisions by numbers that the model has drawn, and how a run is made to take the other way."""

from __future__ import annotations

from dataclasses import dataclass

from torch import fx

from unfoldify.recording.body import Body
from unfoldify.recording.spelling import call_name

_DRAWS = ("rand", "normal", "bernoulli", "uniform")


@dataclass(frozen=True)
class Decision:
    """Python asked whether something drawn is so: in which graph, behind which of its calls."""

    body: Body
    condition: fx.Node
    after: fx.Node


@dataclass(frozen=True)
class Outcomes:
    """What Python is told: always the same, but for the decision that is `turned`."""

    usual: bool
    turned: int = -1

    def of(self, number: int) -> bool:
        return self.usual is not (number == self.turned)


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
