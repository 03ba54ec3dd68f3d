"""Whether the values of tensors, or their gradients, decide what a model does: then no one file can
say it.

Asked where a file turned out not to be equal, or where Python looked at values: the model is
recorded again, with other weights and with other random numbers. If it then calls something else,
the recording is at no fault, and the line where it parts is told.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from torch import nn

from unfoldify.preserve import preserved, silenced
from unfoldify.recording.align import Unalike, align
from unfoldify.recording.calls import HAS_GRADIENT
from unfoldify.recording.capture import Recording
from unfoldify.recording.observe import Wanted, observe, run_once
from unfoldify.recording.source import shown_line
from unfoldify.recording.stand_ins import stand_ins
from unfoldify.verification.checks import Pair, check
from unfoldify.verification.redraw import Strength, pointed_at, redrawn, state_tensors
from unfoldify.verification.runs import Call, Setting

_OTHERS = 4  # other weights under which a file must hold where a value decided
_TRIALS, _LEAST, _MAX_SECONDS = 8, 2, 15.0  # weights to try, at least, and no more after


def decided_by_values(
    model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], wanted: Wanted
) -> str | None:
    """What to tell of the line at which the model's way depends on values; None if none does."""
    with preserved(model), silenced(), stand_ins():
        line = asks_for_gradients(model, args, kwargs, wanted)
        if line is not None:
            return (
                f"{line}\n  whether a tensor requires a gradient decides what the model does, and a "
                "file can say only one way.\nDecide by a flag of the model, such as self.training."
            )
        end = time.monotonic() + _MAX_SECONDS
        for training in (False, True):
            found = parts_at(model, args, kwargs, wanted, training, end)
            if found is not None:
                return said(*found)
    return None


def holds_with_other_weights(
    model: nn.Module, rewritten: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> bool:
    """Whether two models are equal with weights that decide otherwise, where the first runs then."""
    call = Call(tuple(args), dict(kwargs), model)
    setting = Setting(gradients=False)
    states = (redrawn(model, seed, "shuffled") for seed in range(_OTHERS))
    pairs = (Pair(model, rewritten, state, setting, relative=1e-8) for state in states)
    return all(check(pair, call, "").ok for pair in pairs)


def said(line: str, word: str) -> str:
    return (
        (f"{line}\n  " if line else "")
        + f"with other {word} the model does something else here: the values of tensors "
        "decide, and a file can say only one way.\nDecide by sizes or flags, choose "
        "with torch.where, or unfoldify the modules around it."
    )


def parts_at(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    wanted: Wanted,
    training: bool,
    end: float,
) -> tuple[str, str] | None:
    """The line at which a run parts from the usual one, and with what else; None if none is found."""
    with suppress(Exception):  # it does not run, which tells nothing
        usual = observe(model, args, kwargs, wanted, training=training)
        for trial, word in itertools.product(range(_TRIALS), ("weights", "random numbers")):
            if trial >= _LEAST and time.monotonic() > end:
                break
            strength: Strength = "redrawn" if trial % 2 else "shuffled"
            state = redrawn(model, trial, strength) if word == "weights" else {}
            seed = 0 if word == "weights" else trial + 1
            with pointed_at(state_tensors(model), state), suppress(Exception):
                other = observe(model, args, kwargs, wanted, training=training, seed=seed)
                parted = next(align(usual.root, other.root, left_as_it_is), None)
                if parted is not None:
                    return first_line(usual, other, parted[2]), word
    return None


def asks_for_gradients(
    model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], wanted: Wanted
) -> str | None:
    """The line at which a model asks for gradients, and does something else without."""
    for training in (False, True):
        try:
            without, having = (
                run_once(model, args, kwargs, wanted, training, with_gradients=flag)
                for flag in (False, True)
            )
        except Exception:
            continue
        asked = [read for read in having.reads if read.call == HAS_GRADIENT]
        if asked and next(align(without.root, having.root, left_as_it_is), None) is not None:
            return shown_line(asked[0].sites)
    return None


def left_as_it_is(place: Any, ours: Any, theirs: Any) -> None:
    """Numbers that differ are a difference."""


def first_line(usual: Recording, other: Recording, difference: Unalike) -> str:
    """Where Python looked at a value and saw another one, or else where the calls part."""
    for ours, theirs in zip(usual.reads, other.reads, strict=False):
        if ours.value != theirs.value and shown_line(ours.sites):
            return shown_line(ours.sites)
    node = difference.first
    return shown_line(node.meta.get("positions", ())) if node is not None else ""
