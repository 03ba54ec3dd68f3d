"""Bad arguments raise what torch raises, with the argument and both values in the message.

Sizes are compared as plain numbers here: looking at one must not fix it in a recording.
"""

from __future__ import annotations

import torch
from torch import Tensor


def shape_of(x: Tensor) -> tuple[int, ...]:
    """The sizes of `x` as plain numbers; symbolic ones as they are, which torch.export follows."""
    return tuple(int(size) if isinstance(size, int) else size for size in x.shape)


def spelled(shape: tuple[int, ...]) -> str:
    """A shape as people write it: 2x3x4; "scalar" where there are no axes."""
    return "x".join(map(str, shape)) or "scalar"


def check(condition: bool, function: str, message: str) -> None:
    """Raises a RuntimeError, torch's own choice for arguments that do not fit."""
    if not condition:
        raise RuntimeError(f"{function}: {message}")


def check_rank(function: str, name: str, x: Tensor, *ranks: int) -> None:
    """Raises unless `x` has one of the numbers of dimensions."""
    if x.dim() not in ranks:
        wanted = " or ".join(map(str, ranks))
        shape = spelled(shape_of(x))
        raise RuntimeError(
            f"{function}: {name} should have {wanted} dimensions, it has {x.dim()} ({shape})"
        )


def check_size(function: str, name: str, x: Tensor, dim: int, wanted: int, because: str) -> None:
    """Raises unless `x.shape[dim] == wanted`, which `because` explains."""
    found, wanted = int(x.shape[dim]), int(wanted)
    if found != wanted:
        raise RuntimeError(
            f"{function}: {name} ({spelled(shape_of(x))}) should have {wanted} in dimension {dim}, "
            f"it has {found}: {because}"
        )


def check_dtypes(function: str, **tensors: Tensor | None) -> None:
    """Raises unless all tensors are of one dtype, or autocast is there to make them so."""
    present = {name: x for name, x in tensors.items() if x is not None}
    (first, reference), *others = present.items()
    for name, x in others:
        if x.dtype != reference.dtype and not torch.is_autocast_enabled(x.device.type):
            raise RuntimeError(
                f"{function}: {first} and {name} should have one dtype, "
                f"{first} is {reference.dtype} and {name} is {x.dtype}"
            )


def check_numbers(function: str, *tensors: Tensor) -> None:
    """Raises on bool, for which torch has no contraction."""
    for x in tensors:
        if x.dtype == torch.bool:
            raise NotImplementedError(f"{function}: not implemented for 'Bool', wanted numbers")
