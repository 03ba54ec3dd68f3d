"""Whether two models compute the same: two modules in, a verdict out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from unfoldify import nesting
from unfoldify.checks import check, own_type, settle
from unfoldify.compare import Difference
from unfoldify.locate import Place, first_place, nearest_to_output
from unfoldify.plan import Job, carried_out, described, planned
from unfoldify.redraw import state_tensors
from unfoldify.runs import Call, Setting
from unfoldify.sizes import SizeVariant, free_sizes
from unfoldify.verdict import Check, Verification

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
    `max_seconds` are too short are left out and say so. Neither model is changed.
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
    tell("own type")
    pair, exact = settle(original, rewritten, call, Setting(gradients=False, seed=seed), relative)
    own = own_type(pair, call, inputs, exact)
    del exact
    if variants is None:
        variants = free_sizes(original, args, kwargs, max_seconds=min(10.0, max_seconds / 4))
    modes = (False, True) if training else (False,)
    settings = [replace(pair.setting, gradients=gradients, training=mode) for mode in modes]
    left = start + max_seconds - time.monotonic()
    jobs = planned(pair, call, settings, variants, own.seconds, left)
    done = carried_out(jobs, start + max_seconds, tell)
    checks = (*(check for _, check in done), own)
    place = _place(*done[-1]) if not done[-1][1].ok else Place((), None, "")
    return Verification(
        checks, place=place.text, layers=place.layers, seconds=time.monotonic() - start
    )


def _place(job: Job, failed: Check) -> Place:
    """The layers behind a failed check's first difference."""
    pair, kinds = job.pair, {difference.kind for difference in failed.differences}
    if "output" in kinds:
        everything = pair.original, pair.rewritten, job.call, pair.state, pair.setting
        return first_place(*everything, relative=max(pair.relative, 1e-9))
    if kinds == {"gradient"}:
        names = [difference.name for difference in failed.differences]
        name = nearest_to_output(names, pair.original, job.call, pair.state, pair.setting)
        layer = name.rpartition(".")[0]
        return Place((layer,), None, f"nearest to the output: the gradient of {name}")
    return Place((), None, "")


def _shapes(original: nn.Module, rewritten: nn.Module, call: Call) -> Verification:
    """What can be told of models without weights: structure, shapes and types."""
    args, kwargs = nesting.rebuilt_call(
        call.names, call.args, call.kwargs, lambda _, tensor: tensor.to("meta")
    )
    call = Call(args, kwargs, call.names)
    setting = Setting(wide=False, gradients=False)
    pair, wanted = settle(original, rewritten, call, setting, relative=0.0)
    pair = replace(pair, setting=setting)
    found = check(pair, call, described(call), wanted)
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
