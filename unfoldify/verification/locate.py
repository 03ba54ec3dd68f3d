"""Where two models part: the first layer after which their values differ."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from unfoldify import nesting
from unfoldify.verification.runs import Call, Setting, run

_SAMPLE = 1 << 16  # values of each tensor that are looked at


class Moment(NamedTuple):
    """The input or output of a module's nth call."""

    module: str
    call: int
    side: str  # "input" | "output"


@dataclass(frozen=True)
class Place:
    """The layers in which a difference arises, and the same in words."""

    layers: tuple[str, ...]
    text: str


def first_place(
    original: nn.Module,
    rewritten: nn.Module,
    call: Call,
    state: Mapping[str, Tensor],
    setting: Setting,
    relative: float,
) -> Place:
    """Compares what goes into and comes out of modules of the same name, in the order of calls."""
    setting = replace(setting, gradients=False)
    wanted = moments(original, call, state, setting)
    found = moments(rewritten, call, state, setting)
    agreed = -1
    order = list(wanted)
    for i, moment in enumerate(order):
        if moment in found and _same(found[moment], wanted[moment], relative):
            agreed = i
        elif moment in found:
            last = order[agreed] if agreed >= 0 else None
            return _place(original, last, order[agreed + 1 : i + 1], set(found))
    return Place((), "")


def nearest_to_output(
    names: Iterable[str],
    original: nn.Module,
    call: Call,
    state: Mapping[str, Tensor],
    setting: Setting,
) -> str:
    """Of parameters and inputs whose gradients differ, the one that a backward pass meets first."""
    order = [m.module for m in moments(original, call, state, setting) if m.side == "output"]
    last = {module: i for i, module in enumerate(order) if module}
    return max(names, key=lambda name: last.get(name.rpartition(".")[0], -1))


def moments(
    model: nn.Module, call: Call, state: Mapping[str, Tensor], setting: Setting
) -> dict[Moment, list[Tensor]]:
    """Samples of the tensors at each module call, in the order in which they come up."""
    seen: dict[Moment, list[Tensor]] = {}
    run(model, call, state, replace(setting, watch=lambda: _watched(model, seen)))
    return seen


@contextlib.contextmanager
def _watched(model: nn.Module, seen: dict[Moment, list[Tensor]]) -> Iterator[None]:
    names = {id(module): name for name, module in reversed(list(model.named_modules()))}
    calls: Counter[str] = Counter()
    open_calls: dict[str, list[int]] = {}

    def enter(module: nn.Module, args: Any) -> None:
        if (name := names.get(id(module))) is not None:
            open_calls.setdefault(name, []).append(calls[name])
            seen[Moment(name, calls[name], "input")] = _samples(args)
            calls[name] += 1

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        if (name := names.get(id(module))) is not None and open_calls.get(name):
            seen[Moment(name, open_calls[name].pop(), "output")] = _samples(output)

    handles = register_module_forward_pre_hook(enter), register_module_forward_hook(leave)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _samples(value: Any) -> list[Tensor]:
    samples = []
    for _, tensor in nesting.tensors(value):
        if tensor.layout is torch.strided:
            flat = tensor.detach().reshape(-1)
            samples.append(flat[:: max(1, flat.numel() // _SAMPLE)].clone())
    return samples


def _same(found: list[Tensor], wanted: list[Tensor], relative: float) -> bool:
    if len(found) != len(wanted):
        return True  # called in another way: nothing to compare
    return all(_close(a, b, relative) for a, b in zip(found, wanted, strict=True))


def _close(a: Tensor, b: Tensor, relative: float) -> bool:
    if a.shape != b.shape or not b.numel():
        return a.shape == b.shape
    if not b.is_floating_point():
        return bool((a == b).all())
    finite = a.isfinite() & b.isfinite()
    scale = b[finite].abs().max() if bool(finite.any()) else b.new_zeros(())
    same = torch.where(
        finite, (a - b).abs() <= relative * scale, (a == b) | (a.isnan() & b.isnan())
    )
    return bool(same.all())


def _place(
    original: nn.Module, last: Moment | None, between: list[Moment], common: set[Moment]
) -> Place:
    """From what happened since the models last agreed; the last of it differs."""
    seen = between[-1]
    finished = [m for m in between if m.side == "output" and m not in common]
    layers = [m for m in finished if not any(_inside(other, m) for other in finished)]
    names = tuple(dict.fromkeys(m.module for m in layers))
    where = f"the {seen.side} of {_called(seen)}"
    if names:
        modules = dict(original.named_modules())
        spelled = " or ".join(f"{name} ({type(modules[name]).__name__})" for name in names)
        return Place(names, f"it arises in {spelled}, first seen at {where}")
    names = (seen.module,) if seen.side == "output" else ()
    if last is None:
        return Place(names, f"first seen at {where}")
    if not seen.module and not last.module:
        return Place((), "")  # somewhere in the model: nothing that is not known
    return Place(names, f"it arises between the {last.side} of {_called(last)} and {where}")


def _inside(inner: Moment, outer: Moment) -> bool:
    return inner is not outer and inner.module.startswith(
        f"{outer.module}." if outer.module else ""
    )


def _called(moment: Moment) -> str:
    name = moment.module or "the model"
    return name if not moment.call else f"{name}, call {moment.call + 1}"
