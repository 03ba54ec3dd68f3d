"""Sizes and numbers that a rule writes down: plain ones, and ones that follow the model.

A kernel that is a layer's weight has the sizes that it has; one that comes as an input, or out of a
layer, may have others next time. Such numbers are open: what a rule writes holds for any of them.
"""

from __future__ import annotations

import operator
from typing import Any, TypeGuard

import torch
from torch import Tensor

from unfoldify.notes import moves


def sizes(x: Tensor) -> tuple[int, ...]:
    """The sizes of `x`, open where they may be others for other inputs."""
    found = tuple(x.shape)
    return tuple(n if moves(x, dim) else int(n) for dim, n in enumerate(found))


def is_open(number: int) -> bool:
    """Whether a number may be another one for other inputs."""
    return type(number) is not int


def known(number: int, value: int) -> bool:
    """Whether a number is this one, whatever the input."""
    return not is_open(number) and number == value


def surely_zero(rate: float) -> bool:
    """Whether a rate is 0, whatever the input; where it comes out of the model, nobody knows."""
    return type(rate) in (int, float) and rate == 0


def is_whole(number: Any) -> TypeGuard[int]:
    """Whether torch takes it for a size: an int, numpy's int, a symbolic one."""
    return isinstance(number, (int, torch.SymInt)) or hasattr(number, "__index__")


def whole(number: int) -> int:
    """The number as a plain int where it is not followed."""
    if isinstance(number, (int, torch.SymInt)) and not isinstance(number, bool):
        return number
    return operator.index(number)
