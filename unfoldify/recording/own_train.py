"""What a module's own `train` leaves for its forward: `self.ab = self.biases[:, self.idxs]`, by `.eval()`.

Weights are looked up, folded or cast there, once for every call in evaluation. A file has no `train`
of its own: its forward does that work, so that it goes by the weights that it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


def prepare(module: nn.Module) -> None:
    """Let a module do again, where it is recorded, what it did when its mode was set."""
    if leaves_tensors(module):
        with modes_set():
            module.train(module.training)


def leaves_tensors(module: nn.Module) -> bool:
    """Whether a module has a `train` of its own, and tensors that are neither weights nor buffers."""
    own = type(module).train is not nn.Module.train
    return own and any(isinstance(value, Tensor) for value in vars(module).values())


@contextmanager
def modes_set() -> Iterator[None]:
    """Meanwhile `super().train(mode)` has nothing to do: all modes are what they are to be."""

    def as_it_is(module: nn.Module, mode: bool = True) -> nn.Module:
        return module

    train: Any = nn.Module.train
    nn.Module.train = as_it_is  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        nn.Module.train = train  # type: ignore[method-assign]
