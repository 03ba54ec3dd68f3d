"""Layers that hold nothing, such as an activation, of which a model has one object in many places.

`def __init__(self, act=nn.ReLU())` makes one ReLU for all that are built with the default. It holds
nothing that could be shared, so each place may have its own: then the blocks that share it are
equal, and their constructor makes it where it stands.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator

from torch import nn

from unfoldify.emit.declare import declaration
from unfoldify.recording.layers import has_hooks, is_torch_class


@contextlib.contextmanager
def apart(model: nn.Module) -> Iterator[None]:
    """Gives every place its own copy of a layer without state; puts the one object back after."""
    shared = list(other_places(model))
    for owner, label, layer in shared:
        owner._modules[label] = copy.copy(layer)
    try:
        yield
    finally:
        for owner, label, layer in shared:
            owner._modules[label] = layer


def other_places(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    """The places, but for the first, of the layers that nobody can tell from a copy."""
    seen: set[int] = set()

    def below(owner: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
        for label, child in owner._modules.items():
            if child is None:
                continue
            if id(child) not in seen:
                seen.add(id(child))
                yield from below(child)
            elif isinstance(owner._modules, dict) and is_stateless(child):  # else torch.jit's
                yield owner, label, child

    yield from below(model)


def is_stateless(module: nn.Module) -> bool:
    """Whether a module is a layer of torch's own that holds nothing and that nobody changed."""
    holds = [*module._parameters, *module._buffers, *module._modules]
    if holds or not is_torch_class(type(module)) or has_hooks(module):
        return False
    return declaration(module) is not None
