"""One check: both models under the same conditions, and what of their difference is only noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from unfoldify.verification.compare import (
    Comparison,
    Kind,
    Noise,
    Tolerance,
    compare,
    noise_between,
    size,
    times,
    widened,
)
from unfoldify.verification.redraw import Strength, redrawn, state_tensors
from unfoldify.verification.runs import Call, Run, Setting, run
from unfoldify.verification.verdict import Check, Mode

ROUNDING = 1e-14  # how far weights and inputs are moved to see what rounding can do, in float64
NOT_TO_BE_THAWED = ("not differentiable with respect to", "cannot have requires_grad")
NOT_WITH_GRADIENTS = (
    "does not support automatic differentiation",
    "does not support backward",
    "variables that require grad",
)
MARGIN = 10  # how much more than the original's own movement a rewritten model may differ


@dataclass(frozen=True)
class Pair:
    """Two models and the conditions under which the original runs."""

    original: nn.Module
    rewritten: nn.Module
    state: Mapping[str, Tensor]
    setting: Setting
    relative: float

    @property
    def dtype(self) -> torch.dtype:
        """The type that most of the model's floating numbers have."""
        floats = [t for t in self.state.values() if t.is_floating_point()]
        largest = max(floats, key=Tensor.numel, default=torch.empty(0))
        return largest.dtype


def settle(
    original: nn.Module, rewritten: nn.Module, call: Call, setting: Setting, relative: float
) -> tuple[Pair, Run]:
    """The most telling conditions under which the original runs, and what it gives under them.

    Float64 before the model's own type, redrawn weights before given ones; outputs that are
    finite somewhere.
    """
    first: tuple[Pair, Run] | None = None
    for state, conditions in _conditions(original, rewritten, setting):
        pair, found = as_it_runs(Pair(original, rewritten, state, conditions, relative), call)
        if found.failure is None and _telling(found):
            return pair, found
        if first is None or (first[1].failure is not None and found.failure is None):
            first = pair, found
    assert first is not None  # there is always a condition
    return first


def _conditions(
    original: nn.Module, rewritten: nn.Module, setting: Setting
) -> Iterator[tuple[dict[str, Tensor], Setting]]:
    mine, theirs = state_tensors(original), state_tensors(rewritten)
    shared = {name for name in mine if name in theirs and mine[name].shape == theirs[name].shape}
    strengths: tuple[Strength, ...] = ("redrawn", "nudged", "given")
    for wide in (True, False):
        for strength in strengths:
            state = redrawn(original, setting.seed, strength, only=shared)
            yield state, replace(setting, wide=wide)


def as_it_runs(pair: Pair, call: Call) -> tuple[Pair, Run]:
    """The original's run, and the conditions that it takes where it does not take the ones given."""
    while True:
        found = run(pair.original, call, pair.state, pair.setting)
        if found.failure is None:
            return pair, found
        milder = _milder(pair.setting, found.failure)
        if milder is None:
            return _with_less(pair, call) or (pair, found)
        pair = replace(pair, setting=milder)


def _with_less(pair: Pair, call: Call) -> tuple[Pair, Run] | None:
    """The run of a model that fails with gradients, in words of its own (`assert not
    target.requires_grad`), and without some of them does not.
    """
    asked = pair.setting
    if not asked.gradients:
        return None
    for less in (
        replace(asked, thaw_inputs=False),
        replace(asked, thaw_inputs=False, thaw=False),
        replace(asked, gradients=False),
    ):
        found = run(pair.original, call, pair.state, less)
        if found.failure is None:
            return replace(pair, setting=less), found
    return None


def _milder(setting: Setting, failure: str) -> Setting | None:
    """What to grant a model that fails, by what torch says of it."""
    if not setting.gradients and "does not require grad" in failure:
        return replace(setting, gradients=True)  # it differentiates
    if not setting.leaves and "requires_grad flags of leaf" in failure:
        return replace(setting, leaves=True)  # `x.requires_grad = True`, of an input
    if setting.thaw and "leaf" in failure:
        return replace(setting, thaw=False)  # it writes to its weights
    if setting.thaw_inputs and "not differentiable with respect to" in failure:
        return replace(setting, thaw_inputs=False)  # running statistics that come as an input
    if setting.thaw and any(said in failure for said in NOT_TO_BE_THAWED):
        return replace(setting, thaw=False)  # running statistics that are frozen parameters
    if setting.gradients and any(said in failure for said in NOT_WITH_GRADIENTS):
        return replace(setting, gradients=False)
    return None


def _telling(found: Run) -> bool:
    floats = [x for x in found.outputs.values() if isinstance(x, Tensor) and x.is_floating_point()]
    return all(not x.numel() or bool(widened(x).isfinite().any()) for x in floats)


def check(pair: Pair, call: Call, inputs: str, wanted: Run | None = None) -> Check:
    """Runs both models and compares them; noise is measured where they differ."""
    asked = pair.setting
    if wanted is None:
        pair, wanted = as_it_runs(pair, call)
    setting = pair.setting
    base = Check(mode_of(setting), inputs, precision(pair))
    if wanted.failure is not None:
        return replace(base, skipped=f"the original fails: {wanted.failure}")
    found = run(pair.rewritten, call, pair.state, setting)
    if found.failure is not None and setting.wide:
        narrow = replace(pair, setting=replace(setting, wide=False))
        again = check(narrow, call, inputs)
        if not any(d.kind == "failure" for d in again.differences):
            note = f"the rewritten model does not run in float64: {found.failure}"
            return replace(again, notes=(*again.notes, note))
    comparison, notes, unstable = _judged(pair, call, found, wanted)
    if unstable:
        return replace(base, skipped=unstable)
    if wanted.backward_failure:
        notes = (*notes, f"no gradients: the original's backward fails: {wanted.backward_failure}")
    elif asked.gradients and not setting.gradients:
        notes = (*notes, "no gradients: the original does not run where they are recorded")
    elif setting.gradients and not wanted.gradients:
        notes = (*notes, "no gradients: no output of the original depends on anything that has one")
    elif setting.gradients and asked.thaw_inputs and not setting.thaw_inputs:
        notes = (*notes, "no gradients of inputs: the original does not run where they have them")
    return replace(
        base,
        outputs=comparison.outputs,
        gradients=comparison.gradients,
        buffers=comparison.buffers,
        differences=comparison.differences,
        unstable=len(comparison.excused),
        notes=(*notes, *comparison.powerless, *_writes(found, wanted)),
        seconds=wanted.seconds + found.seconds,
    )


def own_type(pair: Pair, call: Call, inputs: str, exact: Run) -> Check:
    """Outputs in the model's own type, no further from float64 than the original's are."""
    narrow = replace(pair, setting=replace(pair.setting, wide=False, gradients=False))
    base = Check("evaluation", inputs, precision(narrow), own_type=True)
    narrow, wanted = as_it_runs(narrow, call)
    if wanted.failure is not None:
        return replace(base, skipped=f"the original fails: {wanted.failure}")
    found = replace(run(pair.rewritten, call, pair.state, narrow.setting), gradients={})
    wanted = replace(wanted, gradients={})
    rounding = noise_between(replace(exact, gradients={}), [wanted])
    comparison, notes, unstable = _judged(narrow, call, found, wanted, rounding)
    return replace(
        base,
        outputs=comparison.outputs,
        differences=comparison.differences,
        unstable=len(comparison.excused),
        notes=notes,
        skipped=unstable,
        seconds=wanted.seconds + found.seconds,
        effort=wanted.effort + found.effort,
    )


def _judged(
    pair: Pair,
    call: Call,
    found: Run,
    wanted: Run,
    rounding: Noise | None = None,
) -> tuple[Comparison, tuple[str, ...], str | None]:
    """The comparison, how far noise was allowed for, and why it proves nothing if it does not."""
    wide = pair.setting.wide
    relative = pair.relative if wide else 8 * torch.finfo(pair.dtype).eps
    strict = Tolerance(relative, noise=times(2 * MARGIN, rounding or {}))
    comparison = compare(found, wanted, strict)
    if not any(d.kind in ("output", "gradient", "buffer") for d in comparison.differences):
        return comparison, (), None
    again = run(pair.original, call, pair.state, pair.setting)
    spread = {key: noise for key, noise in noise_between(wanted, [again]).items() if noise}
    as_itself = replace(strict, unstable=times(MARGIN, spread))
    if spread and not compare(found, wanted, as_itself).differences:
        names = ", ".join(name for _, name in spread)
        return comparison, (), f"the original differs between two runs under one seed ({names})"
    part = ROUNDING if wide else torch.finfo(pair.dtype).eps
    nudged = [
        run(pair.original, call, pair.state, replace(pair.setting, nudge=part, nudge_seed=seed))
        for seed in (1, 2)
    ]
    moved = noise_between(wanted, nudged)
    lenient = compare(found, wanted, replace(strict, unstable=times(MARGIN, moved)))
    if lenient.differences or not lenient.excused:
        return lenient, (), None
    return lenient, (_instability(lenient.excused, moved, wanted, part),), None


def _instability(
    excused: Sequence[tuple[Kind, str]],
    moved: Noise,
    wanted: Run,
    part: float,
) -> str:
    """What is not stable in the original, and how much."""
    names = [name for _, name in excused]
    spelled = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    values = {"output": wanted.outputs, "gradient": wanted.gradients, "buffer": wanted.buffers}
    parts = [moved[kind, name] / (size(values[kind][name]) or 1.0) for kind, name in excused]
    return (
        f"not stable in the original: {spelled}; where weights and inputs move by {part:.0e} of"
        f" themselves, it moves by up to {max(parts):.0e}, and that much was allowed for"
    )


def _writes(found: Run, wanted: Run) -> Iterator[str]:
    for name in sorted(wanted.written - found.written):
        yield f"the original changes its argument {name} in place, the rewritten model does not"
    for name in sorted(found.written - wanted.written):
        yield f"the rewritten model changes its argument {name} in place, the original does not"


def mode_of(setting: Setting) -> Mode:
    """The mode in words."""
    return "training" if setting.training else "evaluation"


def precision(pair: Pair) -> str:
    """What both models compute in."""
    return "float64" if pair.setting.wide else str(pair.dtype).removeprefix("torch.")
