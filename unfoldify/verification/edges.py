"""Sizes at which a file that was verified does something else: one, and those that the model asks for.

`if x.shape[1] > 512:` goes the example's way in every run that was recorded, and of a batch of one
`x.squeeze()` makes a vector. What the original does there no run has shown, so both are compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from unfoldify.recording.sizes import Group, SizeVariant, Watched
from unfoldify.verification.checks import Pair, check, settle
from unfoldify.verification.plan import described, times
from unfoldify.verification.redraw import state_tensors
from unfoldify.verification.runs import Call, Setting, run
from unfoldify.verification.verdict import Check

MOST = 4  # numbers that a model compares its sizes with, the smallest first
LARGEST = 4  # times the example's size
SETTING = Setting(gradients=False, watch=Watched)


def otherwise(
    original: nn.Module,
    rewritten: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    variants: Sequence[SizeVariant],
    asked: Collection[int] = (),
    max_seconds: float = 10.0,
) -> Iterator[str]:
    """The inputs, as their shapes, that the original takes and of which the file makes another result.

    `asked` are the numbers that the model has compared sizes with. What would take longer than
    `max_seconds`, by what it computes, is left out.
    """
    alone = [variant for variant in variants if len(variant.groups) == 1]
    both = at_other_sizes(original, rewritten, args, kwargs) if alone else None
    if both is None:
        return
    pair, call = both
    effort = run(original, call, pair.state, replace(pair.setting, wide=False)).effort
    for variant in alone:
        for other in at_edges(variant, asked):
            max_seconds -= other.cost * effort * times(SETTING)
            if max_seconds < 0:
                return
            if not compared(pair, call, other).ok:
                yield other.description
                break


def at_other_sizes(
    original: nn.Module, rewritten: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Pair, Call] | None:
    """Both models and the example's call, to be compared at sizes that neither may be meant for; None
    where the original has no values, or does not run.
    """
    if any(t.is_meta for t in state_tensors(original).values()):
        return None
    call = Call(tuple(args), dict(kwargs), original)
    pair, exact = settle(original, rewritten, call, SETTING, 1e-10)
    return None if exact.failure is not None else (pair, call)


def compared(pair: Pair, call: Call, variant: SizeVariant) -> Check:
    """How both models compare for inputs of other sizes."""
    given = Call(*variant.build(seed=1), call.names)
    return check(pair, given, described(given))


def at_edges(variant: SizeVariant, asked: Collection[int]) -> Iterator[SizeVariant]:
    """The inputs with one size moved to where a comparison turns out the other way, the nearest
    first, or to 1.
    """
    (group,) = variant.groups
    size = group.dims[0].size
    near = [number for number in sorted(asked) if 1 <= number <= LARGEST * size]
    around = {number + by for number in near[:MOST] for by in (-1, 0, 1)}
    for other in sorted({1, *around}, key=lambda number: (abs(number - size), number)):
        if other > 0 and other not in (size, group.size):
            yield replace(variant, groups=(Group(group.dims, other),))
