"""Whether a file that was verified is right for other values of its inputs, where Python looked at some.

`if tokens[i, t] == 0: last[i] = t` is recorded for the tokens of the example. What can be said under
an `if` is; where the model asked more often than that, the file goes the example's way, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from unfoldify import nesting
from unfoldify.recording.calls import OF_NO_VALUE
from unfoldify.recording.capture import Recording
from unfoldify.recording.model import Fixed, Recorded, at_line
from unfoldify.recording.source import shown_line
from unfoldify.richer import MOST_EFFORT, effort_of
from unfoldify.verification.checks import check
from unfoldify.verification.edges import at_other_sizes
from unfoldify.verification.runs import Call
from unfoldify.verification.verdict import Verification


def bound_to_values(
    model: nn.Module,
    rewritten: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    recorded: Recorded,
    verification: Verification,
) -> Recorded:
    """What was recorded, and whether values of the example's are in it; of a model that computes for
    long, nothing.
    """
    line = looked_at(recorded.recording)
    if line is None or not verification.ok or effort_of(verification) > MOST_EFFORT:
        return recorded
    if holds_in_other_places(model, rewritten, args, kwargs):
        return recorded
    told = Fixed(
        "value",
        line,
        "for other values of the inputs the model does something else",
        f"with other values it does something else{at_line(line)}",
    )
    return replace(recorded, fixed=(told, *recorded.fixed))


def looked_at(recording: Recording) -> str | None:
    """The first line at which Python looked at a value; None where it looked at none."""
    lines = [shown_line(read.sites) for read in recording.reads if read.call not in OF_NO_VALUE]
    return next((line for line in lines if line), "") if lines else None


def holds_in_other_places(
    model: nn.Module, rewritten: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> bool:
    """Whether both compute the same where the example's values stand elsewhere: such are the only
    others of which it is likely that the model takes them.
    """
    both = at_other_sizes(model, rewritten, args, kwargs)
    if both is None:
        return True
    pair, call = both
    example = call.args, dict(call.kwargs)
    others = (nesting.rebuilt(example, moved) for moved in (rolled, flipped))
    calls = (Call(given, keywords, call.names) for given, keywords in others)
    return all(check(pair, each, "other values").ok for each in calls)


def rolled(_: str, tensor: Tensor) -> Tensor:
    """The first item last."""
    return tensor.roll(-1, 0) if can_move(tensor) else tensor.detach().clone()


def flipped(_: str, tensor: Tensor) -> Tensor:
    """Each row from its end."""
    return tensor.flip(-1) if can_move(tensor) else tensor.detach().clone()


def can_move(tensor: Tensor) -> bool:
    return tensor.ndim > 0 and tensor.layout is torch.strided
