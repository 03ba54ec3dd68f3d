"""The model written as it is for inputs of another size, where it makes calls that it needs there alone.

`if pad: x = F.pad(x, pad)` is skipped for an image whose sides are multiples of the window. For
others it is not, and with a pad of 0 it does nothing: written without its condition it is right for
both. What is proven so, at the example's sizes as at the others, is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from unfoldify.emit.layouts import Written
from unfoldify.recording.chances import MOST_BY_SIZE
from unfoldify.recording.model import Fixed, Recorded, calls_in, with_edges
from unfoldify.recording.sizes import SizeVariant
from unfoldify.verification.edges import SETTING, at_edges, at_other_sizes, compared, otherwise
from unfoldify.verification.plan import times
from unfoldify.verification.verdict import Verification

MOST = 2  # other sizes from which a model is written
MOST_EFFORT = 2.0  # seconds for both models once, by what they compute, where one is written again
MAX_SECONDS = 60.0  # for all the other sizes at which two models are compared, by what they compute
MOST_CALLS = 8_000  # that are recorded where what sizes decide is turned, about: each takes a while
Found = tuple[Recorded, Written, Verification]


def right_at_most_sizes(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    found: Found,
    written_at: Callable[[SizeVariant | None], Found | None],
) -> Found:
    """What was written of the example, or of inputs for which the model makes more calls, or with what
    sizes decide under an `if`, where that is right at more sizes. What differs at other sizes and
    makes no difference is told no more.
    """
    if not found[2].ok:
        return found
    if effort_of(found[2]) > MOST_EFFORT:
        return seen_at_edges(model, args, kwargs, found)
    best = seen_at_edges(model, args, kwargs, without_idle(model, args, kwargs, found))
    wanted = [each.variant for each in best[0].fixed if each.has_more and each.variant is not None]
    with_ifs = (None,) if may_be_turned(best) else ()
    others: list[SizeVariant | None] = [*with_ifs, *list(dict.fromkeys(wanted))[:MOST]]
    for variant in others:
        other = written_at(variant) if bound(best[0]) else None
        if other is not None:
            other = seen_at_edges(model, args, kwargs, without_idle(model, args, kwargs, other))
            best = min(best, other, key=lambda each: (len(told(each[0])), len(bound(each[0]))))
    return best


def may_be_turned(found: Found) -> bool:
    """Whether sizes decide, and to run again with each answer turned does not take too long."""
    recorded, _, verification = found
    turned, runs = recorded.recording.runs_by_size, 2 * (len(recorded.variants) + 2)
    seconds = turned * runs * effort_of(verification)
    calls = turned * runs * calls_in(recorded.recording)
    return 0 < turned <= MOST_BY_SIZE and seconds <= MAX_SECONDS and calls <= MOST_CALLS


def seen_at_edges(
    model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], found: Found
) -> Found:
    """What was found, and for which inputs that no run has shown the model does something else."""
    recorded, written, verification = found
    sizes, asked = recorded.variants, recorded.recording.asked
    shapes = list(otherwise(model, written.module, args, kwargs, sizes, asked))
    return with_edges(recorded, shapes), written, verification


def without_idle(
    model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], found: Found
) -> Found:
    """What was found, without what differs at other sizes and makes no difference."""
    recorded, written, verification = found
    shown = [each.variant for each in recorded.fixed if each.variant is not None]
    if not shown:
        return found
    asked = recorded.recording.asked
    effort = effort_of(verification)
    same = set(equal_at(model, written.module, args, kwargs, shown, asked, effort))
    kept = tuple(each for each in recorded.fixed if each.variant not in same)
    sizes = tuple(dict.fromkeys((*recorded.variants, *(each for each in shown if each in same))))
    return replace(recorded, fixed=kept, variants=sizes), written, verification


def equal_at(
    model: nn.Module,
    rewritten: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    variants: Sequence[SizeVariant],
    asked: Collection[int],
    effort: float,
) -> Iterator[SizeVariant]:
    """The sizes at which both models compute the same, as they do beyond and at all edges: where a
    pad is 0 nobody sees whether it is cut off or left out.
    """
    both = at_other_sizes(model, rewritten, args, kwargs)
    if both is None:
        return
    (pair, call), left = both, MAX_SECONDS
    for variant in dict.fromkeys(variants):
        ones = (replace(variant, groups=(group,)) for group in variant.groups)
        others = [*variant.farther(), *(each for one in ones for each in at_edges(one, asked))]
        left -= sum(each.cost for each in (variant, *others)) * effort * times(SETTING)
        if left < 0:
            return
        first = compared(pair, call, variant)
        runs = first.ok and first.skipped is None
        if runs and all(compared(pair, call, other).ok for other in others):
            yield variant


def effort_of(verification: Verification) -> float:
    """Seconds for both models once, in their own type."""
    return max((each.effort for each in verification.checks if each.own_type), default=0.0)


def told(recorded: Recorded) -> list[Fixed]:
    """What the file is bound to besides sizes."""
    return [each for each in recorded.fixed if each.what != "sizes"]


def bound(recorded: Recorded) -> list[Fixed]:
    return [each for each in recorded.fixed if each.what == "sizes"]
