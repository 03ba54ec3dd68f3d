"""Layers of torch that torch itself wrapped: `weight_norm(nn.Conv1d(...))`, `spectral_norm(...)`.

The layer stays declared as what it is, in the call that wraps it again: its parameters get the
names, the shapes and the first numbers that they have in the original.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.spectral_norm import SpectralNorm

from unfoldify.emit.declare import Declaration, Wrapping, declaration

_OF_PARAMETRIZATIONS = "nn.utils.parametrizations"


def wrapped(layer: nn.Module, cls: type[nn.Module]) -> Declaration | None:
    """The calls that make a layer and wrap it, or None where torch did not wrap it, or not only."""
    found = list(wrappings(layer))
    if not found:
        return None
    names = {name for each in found for name in each.replaces}
    names |= {*layer._parameters, *layer._buffers} - {"bias"}
    inner = declaration(layer, cls, ignoring=frozenset({"parametrizations", *names}))
    if inner is None:
        return None
    whole = replace(inner, wrappings=tuple(found))
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        try:
            made = whole.build()
        except (TypeError, ValueError, RuntimeError):
            return None
    return whole if _shapes(made) == _shapes(layer) else None


def wrappings(layer: nn.Module) -> Iterator[Wrapping]:
    """Each wrapper around a layer; none where one is not of torch's."""
    every = list(_parametrizations(layer)) if parametrize.is_parametrized(layer) else []
    every += [
        _spectral("nn.utils.spectral_norm", nn.utils.spectral_norm, hook, hook.name, layer)
        for hook in layer._forward_pre_hooks.values()
        if isinstance(hook, SpectralNorm)
    ]
    yield from (each for each in every if each is not None) if None not in every else ()


def _parametrizations(layer: nn.Module) -> Iterator[Wrapping | None]:
    own = nn.utils.parametrizations
    for name, held in layer.parametrizations.items():  # type: ignore[operator, union-attr]
        if len(held) != 1:
            yield None
        elif type(held[0]) is own._WeightNorm:
            dim = {} if held[0].dim == 0 else {"dim": None if held[0].dim == -1 else held[0].dim}
            spelled, made = f"{_OF_PARAMETRIZATIONS}.weight_norm", own.weight_norm
            yield Wrapping(spelled, made, tuple((_named(name) | dim).items()), (name,))
        elif type(held[0]) is own._SpectralNorm:
            spelled = f"{_OF_PARAMETRIZATIONS}.spectral_norm"
            yield _spectral(spelled, own.spectral_norm, held[0], name, layer)
        else:
            yield None


def _spectral(spelled: str, made: Any, how: Any, name: str, layer: nn.Module) -> Wrapping:
    usual = 1 if isinstance(layer, nn.modules.conv._ConvTransposeNd) else 0
    said: dict[str, Any] = _named(name)
    if how.n_power_iterations != 1:
        said["n_power_iterations"] = how.n_power_iterations
    if how.eps != 1e-12:
        said["eps"] = how.eps
    if getattr(how, "dim", usual) != usual:
        said["dim"] = how.dim
    return Wrapping(spelled, made, tuple(said.items()), (name,))


def _named(name: str) -> dict[str, Any]:
    return {} if name == "weight" else {"name": name}


def _shapes(layer: nn.Module) -> list[Any]:
    """Names, in their order, and shapes of all that the layer holds."""
    return [
        *((name, parameter.shape) for name, parameter in layer.named_parameters()),
        *((name, buffer.shape) for name, buffer in layer.named_buffers()),
    ]
