"""A user's autograd.Function that is given modules or functions: it runs as the calls it makes.

Such a function cannot be written with what it is given. Nearly all of them (checkpoints, reversible
blocks) save memory and have the gradients of what they run, and gradients are compared anyhow.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unfoldify.recording.numbers.traced import Traced

_WRITTEN: tuple[type, ...] = (
    *(bool, int, float, complex, str, bytes, type(None), type(...), Tensor, Traced),
    *(torch.dtype, torch.device, torch.memory_format, torch.layout),
)


class Context:
    """What `forward` may do with its `ctx`, to no effect."""

    needs_input_grad: tuple[bool, ...] = ()
    saved_tensors: tuple[Tensor, ...] = ()

    def save_for_backward(self, *tensors: Tensor) -> None:
        self.saved_tensors = tensors

    def save_for_forward(self, *tensors: Tensor) -> None:
        pass

    def mark_dirty(self, *tensors: Tensor) -> None:
        pass

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        pass

    def set_materialize_grads(self, value: bool) -> None:
        pass


def can_be_written(value: Any) -> bool:
    """Whether an argument is made of tensors, numbers, strings and the like."""
    if isinstance(value, (tuple, list)):
        return all(map(can_be_written, value))
    if isinstance(value, dict):
        return all(map(can_be_written, value.values()))
    if isinstance(value, slice):
        return can_be_written((value.start, value.stop, value.step))
    return isinstance(value, _WRITTEN)


def run_forward(cls: Any, args: tuple[Any, ...]) -> Any:
    """What the function computes, called as plain Python."""
    is_split = cls.setup_context is not torch.autograd.Function.setup_context
    if is_split:
        return cls.forward(*args)
    context = Context()
    context.needs_input_grad = tuple(isinstance(arg, Tensor) and arg.requires_grad for arg in args)
    return cls.forward(context, *args)
