"""Lazy layers, which get their shapes from a model's first call: recording must not be that call."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from unfoldify.errors import CaptureError
from unfoldify.preserve import silenced


def unfilled(model: nn.Module) -> dict[str, Any]:
    """The parameters and buffers, by name, that have no shape yet."""
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensor for name, tensor in state.items() if is_lazy(tensor)}


def fill(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """The first call, as the model's author would make it; running statistics stay as they are."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
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
