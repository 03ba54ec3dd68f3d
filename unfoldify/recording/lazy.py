"""What a model gets from its first call: recording must not be that call.

Lazy layers get their shapes, and some models make layers of their own: `if self.proj is None:
self.proj = nn.Linear(x.shape[1], 10)`.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from unfoldify import nesting
from unfoldify.errors import CaptureError
from unfoldify.preserve import preserved, silenced
from unfoldify.recording.exits import exits_seen


def unfilled(model: nn.Module) -> dict[str, Any]:
    """The parameters and buffers, by name, that have no shape yet."""
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensor for name, tensor in state.items() if is_lazy(tensor)}


def fill(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """The first call, as the model's author would make it; running statistics stay as they are."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad(), exits_seen():
            model(*args, **kwargs)
    finally:
        for module, training in modes:
            module.training = training


def check_filled(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raises where this call would be the one that gives a lazy layer its shape."""
    before = unfilled(model)
    if not before:
        return
    other = copy.deepcopy(model)
    with silenced():
        fill(other, copy.deepcopy(args), copy.deepcopy(kwargs))
    for name in sorted(before.keys() - unfilled(other).keys()):
        raise CaptureError(
            f"{type(model).__name__}: {name} has no shape before the model's first call, and "
            "unfoldify changes no model.\nCall the model once, model(*args), and then unfoldify."
        )


def named(model: nn.Module) -> dict[str, Tensor]:
    """The parameters of a model, under every name that they have."""
    return dict(model.named_parameters(remove_duplicate=False))


def grows(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether the model's first call makes parameters that stay; the model is put back as it was."""
    before = named(model).keys()
    with preserved(model), silenced(), torch.random.fork_rng(devices=[]):
        try:
            fill(model, *copies((args, kwargs)))
            found = grown(model, before, args, kwargs)
        except Exception:  # that it does not run is said where it is recorded
            return False
    return bool(found)


def grown(
    model: nn.Module, before: Collection[str], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Tensor]:
    """The parameters that were not there before a call, and that the next one does not replace."""
    new = {name: tensor for name, tensor in named(model).items() if name not in before}
    if new:
        fill(model, *copies((args, kwargs)))
    after = named(model)
    return {name: tensor for name, tensor in new.items() if after.get(name) is tensor}


def refuse_grown(name: str, model: nn.Module, where: str) -> CaptureError:
    """The message for a parameter that came with the call which was recorded."""
    return CaptureError(
        f"{where or type(model).__name__}\n  {name} is made in the model's first call, and "
        "unfoldify changes no model.\nCall the model once, model(*args), and then unfoldify."
    )


def copies(value: Any, *, with_gradients: bool = False) -> Any:
    """An example with its tensors cloned: a model may write to its inputs."""

    def copy_of(_: str, tensor: Tensor) -> Tensor:
        if with_gradients and (tensor.is_floating_point() or tensor.is_complex()):
            return tensor.detach().clone().requires_grad_().clone()  # no leaf: it may be written to
        return copied(tensor)

    return nesting.rebuilt(value, copy_of)


def copied(tensor: Tensor) -> Tensor:
    """A tensor of its own; of what was computed, one that may be written to, as no leaf may."""
    copy = tensor.detach().clone().requires_grad_(tensor.requires_grad)
    if tensor.is_leaf:
        return copy
    with torch.enable_grad():
        return copy.clone()
