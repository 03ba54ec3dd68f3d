"""Whether a file does what the model does on both sides of what it asks.

Which side a call runs is in its values and draws, and no input may be at hand that leads to the
other. So both models run with the same question answered the other way, until each of them has been
answered in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from unfoldify.preserve import silenced
from unfoldify.recording.calls import LASTS
from unfoldify.recording.capture import Recording
from unfoldify.recording.decisions import Decision, Outcomes
from unfoldify.recording.observe import Wanted, run_once
from unfoldify.recording.stand_ins import stand_ins
from unfoldify.verification.compare import Tolerance, compare
from unfoldify.verification.runs import Run, given_back

_MOST = 24  # runs of both models in one mode
_RELATIVE = 1e-3  # in the model's own type; that both compute the same is proven in float64


def differs_where_turned(
    model: nn.Module,
    rewritten: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    wanted: Wanted,
    recording: Recording,
) -> Decision | None:
    """A question of which one answer leads to something else in the rewritten model; None if there is
    none.
    """
    asked = [d for d in recording.decisions if d.place in recording.settled]
    if any(decision.read.call == LASTS for decision in asked):
        return None  # the file asks an attribute, which nobody sees
    with silenced(), stand_ins(), memory_filled():
        for training in sorted({decision.body.training for decision in asked}):
            original = Turning(model, args, kwargs, wanted, training)
            ours = Turning(rewritten, args, kwargs, wanted, training)
            found = first_that_differs(original, ours, recording.settled)
            if found is not None:
                return found
    return None


@contextmanager
def memory_filled() -> Iterator[None]:
    """What nobody has written to holds the same in both models: where a block that fills
    `torch.empty` is told not to run, its memory is what comes out.
    """
    before = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=only_warned)


class Turning:
    """Runs of a model whose questions are answered otherwise."""

    def __init__(
        self,
        model: nn.Module,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        wanted: Wanted,
        training: bool,
    ) -> None:
        self.everything = model, args, kwargs, wanted, training

    def __call__(self, turned: frozenset[int]) -> Recording:
        return run_once(*self.everything, outcomes=Outcomes(turned, as_drawn=True), by_value=True)


def first_that_differs(
    original: Turning, rewritten: Turning, settled: frozenset[Any]
) -> Decision | None:
    """Goes on from run to run by the questions that have been answered in one way so far."""
    waiting: list[tuple[frozenset[int], Decision | None]] = [(frozenset(), None)]
    answered: set[Any] = set()
    for _ in range(_MOST):
        if not waiting:
            break
        turned, reason = waiting.pop(0)
        try:
            wanted = original(turned)
        except Exception:  # what is asked is whether it may run so
            continue
        asked = [n for n, each in enumerate(wanted.decisions) if each.place in settled]
        if not is_same(rewritten, wanted, frozenset(asked.index(n) for n in turned if n in asked)):
            return reason or wanted.decisions[asked[0]]
        answered |= {(wanted.decisions[n].place, wanted.decisions[n].outcome) for n in asked}
        for number in asked:
            decision = wanted.decisions[number]
            other = decision.place, not decision.outcome
            if other not in answered:
                answered.add(other)
                waiting.append((turned ^ {number}, decision))
    return None


def is_same(rewritten: Turning, wanted: Recording, turned: frozenset[int]) -> bool:
    try:
        found: Run = given_back(rewritten(turned).output)
    except Exception:
        return False
    return not compare(found, given_back(wanted.output), Tolerance(_RELATIVE)).differences
