"""Whether two models compute the same: two modules in, a verdict out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from unfoldify import nesting
from unfoldify.effort import PATIENCE
from unfoldify.recording.sizes import SizeVariant, free_sizes
from unfoldify.verification.checks import Pair, check, own_type, precision, settle
from unfoldify.verification.compare import Difference, Tolerance, compare
from unfoldify.verification.locate import Place, first_place, nearest_to_output
from unfoldify.verification.plan import carried_out, described, planned
from unfoldify.verification.redraw import WIDE, state_tensors
from unfoldify.verification.runs import Call, Setting, run
from unfoldify.verification.verdict import Check, Verification

__all__ = ["Check", "Difference", "Verification", "verify"]


def verify(
    original: nn.Module,
    rewritten: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    variants: Sequence[SizeVariant] | None = None,
    gradients: bool = True,
    training: bool = True,
    relative: float = 1e-10,
    seed: int = 0,
    max_seconds: float = 60.0,
    progress: Callable[[str], None] | None = None,
) -> Verification:
    """Compares outputs, gradients and buffers, with redrawn weights, in float64, in both modes.

    Inputs of other sizes are `variants`, as `free_sizes` finds them; by default they are looked
    for. A tensor is equal where `max|found - wanted| <= relative * max|wanted|`. Checks for which
    `max_seconds` are too short, by what they compute, are left out and say so. Neither model is changed.
    """
    start = time.monotonic()
    structure = tuple(_structure(original, rewritten))
    if structure:
        return Verification(structure=structure, seconds=time.monotonic() - start)
    call = Call(tuple(args), dict(kwargs or {}), original)
    if any(t.is_meta for t in state_tensors(original).values()):
        return _shapes(original, rewritten, call)
    tell = progress or (lambda _: None)
    inputs = described(call)
    pair, exact = settle(original, rewritten, call, Setting(gradients=False, seed=seed), relative)
    narrow = replace(pair, setting=replace(pair.setting, wide=False))
    tell(f"{precision(narrow)}, evaluation with {inputs or 'no tensors'}")
    own = own_type(pair, call, inputs, exact)
    del exact
    if variants is None:
        variants = free_sizes(original, args, kwargs, max_seconds=min(10.0, max_seconds / 4))
    modes = (False, True) if training else (False,)
    settings = [replace(pair.setting, gradients=gradients, training=mode) for mode in modes]
    rest = (variants, own.effort, max_seconds)
    deadline = start + PATIENCE * max_seconds
    done = carried_out(planned(pair, call, settings, *rest), max_seconds, deadline, tell)
    says = None if done[-1][1].ok or not own.ok else saying_its_type(pair, call)
    if says is not None:
        told = [replace(setting, says=says) for setting in settings]
        again = carried_out(planned(pair, call, told, *rest), max_seconds, deadline, tell)
        done, says = (again, says) if again[-1][1].ok else (done, None)
    results = [check for _, check in done]
    place = Place((), "")
    if not results[-1].ok:
        results[-1], place = _located(done[-1][0].pair, done[-1][0].call, results[-1])
    elif not own.ok:
        own, place = _located(replace(narrow, relative=1e-4), call, own)
    seconds = time.monotonic() - start
    return Verification((*results, own), (), place.text, place.layers, seconds, says)


def saying_its_type(pair: Pair, call: Call) -> torch.dtype | None:
    """The model's own type, where what it computes in float64 hangs on which type values name."""
    if not pair.setting.wide or pair.dtype not in WIDE:
        return None
    setting = replace(pair.setting, gradients=False)
    settings = setting, replace(setting, says=pair.dtype)
    without, told = (run(pair.original, call, pair.state, each) for each in settings)
    moved = bool(compare(told, without, Tolerance(pair.relative)).differences)
    return pair.dtype if told.failure is None and moved else None


def _located(pair: Pair, call: Call, failed: Check) -> tuple[Check, Place]:
    """The layers behind a failed check's first difference, and that difference first."""
    differences = failed.differences
    if any(difference.kind == "output" for difference in differences):
        everything = pair.original, pair.rewritten, call, pair.state, pair.setting
        return failed, first_place(*everything, relative=max(pair.relative, 1e-9))
    names = [difference.name for difference in differences if difference.kind == "gradient"]
    if not names or len(names) < len(differences):
        return failed, Place((), "")
    first = nearest_to_output(names, pair.original, call, pair.state, pair.setting)
    ordered = sorted(differences, key=lambda difference: difference.name != first)
    others = f"the first of {len(names)} gradients that differ, from the output on"
    return replace(failed, differences=tuple(ordered)), Place((first.rpartition(".")[0],), others)


def _shapes(original: nn.Module, rewritten: nn.Module, call: Call) -> Verification:
    """What can be told of models without weights: structure, shapes and types."""
    args, kwargs = nesting.rebuilt_call(
        call.names, call.args, call.kwargs, lambda _, tensor: tensor.to("meta")
    )
    call = Call(args, kwargs, call.names)
    setting = Setting(wide=False, gradients=False)
    pair = Pair(original, rewritten, state_tensors(original), setting, relative=0.0)
    found = check(pair, call, described(call))
    note = "the model is on the meta device, without numbers: shapes and types were compared"
    found = replace(found, precision="shapes", outputs=None, buffers=None)
    return Verification((replace(found, notes=(*found.notes, note)),), seconds=found.seconds)


def _structure(original: nn.Module, rewritten: nn.Module) -> Iterator[Difference]:
    """Parameters and buffers that are not the same by name, shape, type or ties."""
    wanted, found = _persistent(original), _persistent(rewritten)
    for name, tensor in wanted.items():
        if name not in found:
            said = f"{name} ({_spelled(tensor)}) is not in the rewritten model's state_dict"
            yield Difference("structure", name, said)
        elif _spelled(found[name]) != _spelled(tensor):
            pair = (
                f"{_spelled(tensor)} in the original and {_spelled(found[name])} in the rewritten"
            )
            yield Difference("structure", name, f"{name} is {pair} model")
    for name in found.keys() - wanted.keys():
        said = f"{name} is in the rewritten model's state_dict alone"
        yield Difference("structure", name, said)
    for one, two in ((original, rewritten), (rewritten, original)):
        where = "the original" if one is original else "the rewritten model"
        for names in _tied(one):
            others = dict(two.named_parameters(remove_duplicate=False))
            if len({id(others[name]) for name in names if name in others}) > 1:
                said = f"{' and '.join(names)} are one tensor in {where} alone"
                yield Difference("structure", names[0], said)


def _persistent(model: nn.Module) -> dict[str, Tensor]:
    state = model.state_dict(keep_vars=True)
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def _tied(model: nn.Module) -> list[tuple[str, ...]]:
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return [tuple(held) for held in names.values() if len(held) > 1]


def _spelled(tensor: Tensor) -> str:
    if isinstance(tensor, nn.UninitializedParameter | nn.UninitializedBuffer):
        return "not initialised"
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
