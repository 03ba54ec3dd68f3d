"""Which checks to run, and in what order, so that they tell most within the time there is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from unfoldify import nesting
from unfoldify.recording.sizes import SizeVariant, shape
from unfoldify.verification.checks import Pair, check, mode_of, precision
from unfoldify.verification.runs import Call, Setting
from unfoldify.verification.verdict import Check

NO_MEMORY = "can't allocate memory"  # torch, of a processor's memory
_GRADIENTS_IN_FLOAT64 = 6  # times as long as a forward in float32, about
_OUTPUTS_IN_FLOAT64 = 2


@dataclass(frozen=True)
class Job:
    """A check that is still to run, and how long it may take."""

    pair: Pair
    call: Call
    inputs: str
    forecast: float


def planned(
    pair: Pair,
    call: Call,
    settings: Sequence[Setting],
    variants: Sequence[SizeVariant],
    seconds: float,
    budget: float,
) -> list[Job]:
    """Every setting at the example's size and at another one, the most telling first.

    Where that would take too long, gradients are checked at a cheaper size alone, that of all dims
    at once if it is one, and outputs at the example's. `seconds` is what one forward of both models
    takes in their own type, judged by what it does: which checks are planned does not depend on the
    machine.
    """
    forecast = seconds * _GRADIENTS_IN_FLOAT64

    def jobs(size: SizeVariant | None, settings: Sequence[Setting]) -> list[Job]:
        other = call if size is None else Call(*size.build(seed=1), call.names)
        inputs, part = described(other), 1.0 if size is None else size.cost
        return [
            Job(replace(pair, setting=s), other, inputs, part * seconds * times(s))
            for s in settings
        ]

    example = jobs(None, settings)
    if not variants:
        return example
    together, smallest = variants[-1], min(variants, key=lambda size: size.cost)
    if forecast * (1 + together.cost) > budget and smallest.cost < 0.5:
        first, *others = jobs(together if together.cost < 0.5 else smallest, settings)
        return [first, *jobs(None, [replace(settings[0], gradients=False)]), *others]
    other = jobs(together, settings)
    if len(settings) > 1:  # each size and each mode first, then the rest
        other.reverse()
    alone = [v for v in variants if not set(v.groups) <= set(together.groups)]
    rest = [job for v in alone for job in jobs(v, settings[:1])]
    return [example[0], other[0], *rest, *example[1:], *other[1:]]


def times(setting: Setting) -> int:
    """How much longer a check takes than a forward in the model's own type."""
    return _GRADIENTS_IN_FLOAT64 if setting.gradients else _OUTPUTS_IN_FLOAT64


def carried_out(
    jobs: Sequence[Job], budget: float, deadline: float, tell: Callable[[str], None]
) -> list[tuple[Job, Check]]:
    """Runs the checks until one fails; the first of each mode in any case, without which it would
    be unproven, the others if there is time: going by their forecasts, of which the file tells, and
    on a machine that is much too slow by the clock.
    """
    done: list[tuple[Job, Check]] = []
    for job in jobs:
        mode = mode_of(job.pair.setting)
        tell(f"{precision(job.pair)}, {mode} with {job.inputs or 'no tensors'}")
        first = not any(
            before.pair.setting.training == job.pair.setting.training and made.skipped is None
            for before, made in done
        )
        if not first and (job.forecast > budget or time.monotonic() > deadline):
            late = f"it would take about {math.ceil(job.forecast)} s more"
            done.append((job, Check(mode, job.inputs, precision(job.pair), skipped=late)))
            continue
        budget -= job.forecast
        made = check(job.pair, job.call, job.inputs)
        if job.inputs != jobs[0].inputs and any(NO_MEMORY in d.message for d in made.differences):
            made = Check(
                mode, job.inputs, made.precision, skipped="this machine has no room for it"
            )
        done.append((job, made))
        if not done[-1][1].ok:
            break
    return done


def described(call: Call) -> str:
    """The shapes of the inputs: `x: 2x3x32x32, mask: 2x1`."""
    tensors = list(nesting.tensors_of_call(call.names, call.args, call.kwargs))
    text = ", ".join(f"{path}: {shape(t)}" for path, t in tensors[:4])
    return f"{text} and {len(tensors) - 4} more" if len(tensors) > 4 else text
