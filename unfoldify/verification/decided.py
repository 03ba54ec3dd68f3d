"""Whether the values of tensors decide what a model does: then no one file can say it.

Asked where a file turned out not to be equal: the model is recorded again, with other weights and
with other random numbers. If it then calls something else, the recording is at no fault, and the
line where it parts is told.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from unfoldify.preserve import preserved, silenced
from unfoldify.recording.align import Unalike, align
from unfoldify.recording.capture import Recording
from unfoldify.recording.model import Wanted, observe, shown_line
from unfoldify.recording.stand_ins import stand_ins
from unfoldify.verification.redraw import pointed_at, redrawn, state_tensors

_SEEDS = (0, 1)


def decided_by_values(
    model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], wanted: Wanted
) -> str | None:
    """What to tell of the line at which the model's way depends on values; None if none does."""
    with preserved(model), silenced(), stand_ins():
        for seed, training in itertools.product(_SEEDS, (False, True)):
            for word, weights, numbers in (
                ("weights", seed, 0),
                ("random numbers", None, seed + 1),
            ):
                try:
                    usual = observe(model, args, kwargs, wanted, training=training)
                    state = {} if weights is None else redrawn(model, weights)
                    with pointed_at(state_tensors(model), state):
                        other = observe(
                            model, args, kwargs, wanted, training=training, seed=numbers
                        )
                except Exception:  # it does not run with such weights, which tells nothing
                    continue
                parted = next(align(usual.root, other.root, lambda place, a, b: None), None)
                if parted is not None:
                    return said(first_line(usual, other, parted[2]), word)
    return None


def said(line: str, word: str) -> str:
    return (
        (f"{line}\n  " if line else "")
        + f"with other {word} the model does something else here: the values of tensors "
        "decide, and a file can say only one way.\nDecide by sizes or flags, choose "
        "with torch.where, or unfoldify the modules around it."
    )


def first_line(usual: Recording, other: Recording, difference: Unalike) -> str:
    """Where Python looked at a value and saw another one, or else where the calls part."""
    for ours, theirs in zip(usual.reads, other.reads, strict=False):
        if ours.value != theirs.value and shown_line(ours.sites):
            return shown_line(ours.sites)
    node = difference.first
    return shown_line(node.meta.get("positions", ())) if node is not None else ""
