"""Whether a model goes several ways, by values, earlier calls or modes, where a file can say one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from unfoldify.recording.calls import OF_NO_VALUE
from unfoldify.recording.capture import Recording
from unfoldify.recording.observe import Wanted
from unfoldify.recording.source import shown_line
from unfoldify.verification.decided import decided_by_values, holds_with_other_weights, said
from unfoldify.verification.mode_switches import decided_by_mode_switches
from unfoldify.verification.other_draws import decided_by_draws, drawn_otherwise
from unfoldify.verification.second_call import decided_by_calls
from unfoldify.verification.turned import differs_where_turned


def several_ways(
    model: nn.Module,
    rewritten: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    recording: Recording,
    wanted: Wanted,
    verified: bool,
) -> str | None:
    """What to tell of a model that goes several ways, of which a file can say one; None of others.

    Where nothing hints at it, nothing is asked: neither was it found unequal, nor did Python look at
    values, nor did a call change an attribute or draw what decides.
    """
    looked = [read for read in recording.reads if read.call not in OF_NO_VALUE]
    if verified and (looked or recording.left):
        found = decided_by_calls(model, rewritten, args, kwargs, wanted, recording.left)
        if found is not None:
            return found
    if verified and recording.decisions:
        found = decided_by_draws(model, rewritten, args, kwargs, recording.decisions)
        if found is not None:
            return found
    if verified and recording.settled:
        decision = differs_where_turned(model, rewritten, args, kwargs, wanted, recording)
        if decision is not None:
            line = shown_line(decision.read.sites)
            return drawn_otherwise(line) if decision.drawn else said(line, "values")
    if not verified:
        found = decided_by_mode_switches(model)
        if found is not None:
            return found
    if not verified or (looked and not holds_with_other_weights(model, rewritten, args, kwargs)):
        found = decided_by_values(model, args, kwargs, wanted)
        if found is None and verified:
            return said(shown_line(looked[0].sites), "weights")
        return found
    return None
