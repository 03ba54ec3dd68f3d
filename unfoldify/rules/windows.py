"""Padding and windows: what a convolution and a pooling layer see of their input."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from unfoldify.rules.sizes import is_open, known


def padded(x: Tensor, pads: tuple[tuple[int, int], ...], value: float = 0.0) -> Tensor:
    """`x` with (before, after) more elements in each of its last dimensions."""
    flat = trimmed([side for pair in reversed(pads) for side in pair])
    if all(known(side, 0) for side in flat):
        return x
    if value:
        x = F.pad(x, flat, value=value)
    else:
        x = F.pad(x, flat)
    return x


def trimmed(flat: list[int]) -> tuple[int, ...]:
    """Pads as `F.pad` takes them, without the pairs at the end that pad nothing."""
    while len(flat) > 2 and all(known(side, 0) for side in flat[-2:]):
        flat = flat[:-2]
    return tuple(flat)


def windows(
    x: Tensor,
    first: int,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Tensor:
    """Windows over the dimensions from `first` on, one new axis at the end for each.

    A kernel of 1 needs no window and gets no axis, only the stride.
    """
    sizes = tuple(zip(kernel, stride, dilation, strict=True))
    x = _strided(x, first, tuple(s if known(k, 1) else 1 for k, s, _ in sizes))
    if all(known(k, 1) or known(d, 1) for k, _, d in sizes):
        return _unfolded(x, first, kernel, stride)
    for dim, (k, s, d) in enumerate(sizes, start=first):
        if known(k, 1):
            continue
        if known(d, 1):
            x = x.unfold(dim, k, s)
        elif is_open(k):  # nobody knows how many slices it takes
            x = x.unfold(dim, d * (k - 1) + 1, s)[..., ::d]
        else:
            x = _dilated(x, dim, k, s, d)
    return x


def _strided(x: Tensor, first: int, stride: tuple[int, ...]) -> Tensor:
    """Every `stride`-th element: `x[:, :, ::2, ::2]`."""
    while stride and known(stride[-1], 1):
        stride = stride[:-1]
    if stride:
        steps = tuple(slice(None, None, None if known(s, 1) else s) for s in stride)
        x = x[(slice(None),) * first + steps]
    return x


def _unfolded(x: Tensor, first: int, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """`b c h_in w_in -> b c h_out w_out kh kw`, as one chain of calls."""
    sizes = enumerate(zip(kernel, stride, strict=True), start=first)
    steps = [(dim, k, s) for dim, (k, s) in sizes if not known(k, 1)]
    match steps:
        case [a]:
            x = x.unfold(*a)
        case [a, b]:
            x = x.unfold(*a).unfold(*b)
        case [a, b, c]:
            x = x.unfold(*a).unfold(*b).unfold(*c)
    return x


def _dilated(x: Tensor, dim: int, k: int, stride: int, dilation: int) -> Tensor:
    """Windows of `k` elements that stand `dilation` apart.

    One slice for each element of the kernel: a slice of `unfold` would go through the whole span,
    and its backward through ten times the memory.
    """
    taps = [tap * dilation for tap in range(k)]
    slices = [
        slice(tap or None, tap - taps[-1] or None, None if known(stride, 1) else stride)
        for tap in taps
    ]
    before: tuple[Any, ...] = (slice(None),) * dim
    if dim == x.dim() - 1:
        before = (...,)
    x = torch.stack([x[(*before, part)] for part in slices], dim=-1)
    return x
