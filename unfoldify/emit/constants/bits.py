"""Equality of tensors down to the last bit: -0.0 is not 0.0; but every NaN is the same."""

from __future__ import annotations

import torch
from torch import Tensor

_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def bits(tensor: Tensor) -> Tensor:
    """The numbers of a tensor as integers; those of complex ones in pairs."""
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    if tensor.is_floating_point():
        if tensor.element_size() > 1:
            tensor = torch.where(tensor.isnan(), torch.nan, tensor)
        return tensor.contiguous().view(_INTEGERS[tensor.element_size()])
    return tensor


def same_bits(tensor: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same numbers, shape and dtype."""
    is_alike = tensor.dtype == other.dtype and tensor.shape == other.shape
    return is_alike and torch.equal(bits(tensor), bits(other))


def is_same_along(tensor: Tensor, dim: int) -> bool:
    """Whether the parts of a tensor along a dimension are all the same."""
    numbers = bits(tensor)
    first, second = numbers.narrow(dim, 0, 1), numbers.narrow(dim, tensor.shape[dim] - 1, 1)
    return torch.equal(first, second) and bool((numbers == first).all())
