# ruff: noqa: A002  (torch calls it `input`)
"""Softmax and its relatives: exponentials over their sum."""

from __future__ import annotations

import torch
from torch import Tensor

from unfoldify.rules.checks import shape_of
from unfoldify.rules.rule import Style


def softmax(
    input: Tensor,
    dim: int | None = None,
    _stacklevel: int = 3,
    dtype: torch.dtype | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """The exponentials along `dim`, over their sum; the largest is taken off first"""
    x = input
    if dtype is not None:
        x = x.to(dtype)
    dim = _dim(x) if dim is None else dim
    if 0 in shape_of(x):
        return x
    x = (x - x.amax(dim=dim, keepdim=True)).exp()
    return x / x.sum(dim=dim, keepdim=True)


def softmin(
    input: Tensor,
    dim: int | None = None,
    _stacklevel: int = 3,
    dtype: torch.dtype | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """The softmax of what is small"""
    return softmax(-input, _dim(input) if dim is None else dim, dtype=dtype)


def log_softmax(
    input: Tensor,
    dim: int | None = None,
    _stacklevel: int = 3,
    dtype: torch.dtype | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """The logarithm of the softmax"""
    x = input
    if dtype is not None:
        x = x.to(dtype)
    dim = _dim(x) if dim is None else dim
    if 0 in shape_of(x):
        return x
    x = x - x.amax(dim=dim, keepdim=True)
    return x - x.exp().sum(dim=dim, keepdim=True).log()


def softmax_method(
    input: Tensor,
    dim: int,
    dtype: torch.dtype | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """`softmax` as a tensor's method has it"""
    return softmax(input, dim, dtype=dtype)


def log_softmax_method(
    input: Tensor,
    dim: int,
    dtype: torch.dtype | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """`log_softmax` as a tensor's method has it"""
    return log_softmax(input, dim, dtype=dtype)


def _dim(x: Tensor) -> int:
    """The dimension that torch takes where none is given."""
    return 0 if x.dim() in (0, 1, 3) else 1
