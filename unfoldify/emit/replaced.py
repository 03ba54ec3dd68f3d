"""Parameters that are not those which their layer's constructor makes: resized embeddings, pruned
heads, biases taken away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from unfoldify.emit.declare import declaration


def declared(layer: nn.Module, cls: type[nn.Module] | None = None) -> Any:
    """The call that makes a layer of torch.nn, whatever its parameters have been replaced by."""
    found = declaration(layer, cls)
    return found or declaration(layer, cls, ignoring=frozenset(layer._parameters))


def replaced(layer: nn.Module) -> Iterator[str]:
    """The names of a layer's parameters that its constructor would make in another shape."""
    if declaration(layer) is not None:
        return
    found = declaration(layer, ignoring=frozenset(layer._parameters))
    if found is None:
        return
    made = found.build()._parameters
    for name, parameter in layer._parameters.items():
        other = made.get(name)
        if parameter is None or other is None:
            if parameter is not other:
                yield name
        elif parameter.shape != other.shape:
            yield name


def shapes(layer: nn.Module) -> tuple[tuple[str, torch.Size | None], ...]:
    """The shapes that a layer's parameters have; those of a lazy layer have none before a call."""
    return tuple(
        (name, None if parameter is None or is_lazy(parameter) else parameter.shape)
        for name, parameter in layer._parameters.items()
    )
