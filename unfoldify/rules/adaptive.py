# ruff: noqa: A002  (torch calls it `input`)
"""Adaptive pooling: as many windows as asked for, of sizes that follow the input.

Each dimension by itself, the last one first. A single window is the whole dimension; windows that
divide it are tiles; otherwise a table says which elements each window has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from unfoldify.notes import moves
from unfoldify.rules.checks import check, check_rank, shape_of, spelled
from unfoldify.rules.rule import Style
from unfoldify.rules.sizes import is_open, known

Size = int | None | Sequence[int | None]


def adaptive_avg_pool(spatial: int) -> Any:
    """The rule of adaptive_avg_pool1d, 2d or 3d: `b c h_in w_in -> b c h_out w_out`"""

    def rule(input: Tensor, output_size: Size, *, style: Style = "product") -> Tensor:
        sizes = _sizes(f"adaptive_avg_pool{spatial}d", spatial, input, output_size)
        x = input
        if all(size is not None and known(size, 1) for size in sizes):
            return x.mean(dim=tuple(range(-spatial, 0)), keepdim=True)
        for dim, size in reversed(list(enumerate(sizes, start=-spatial))):
            x = _mean(x, dim, size)
        return x

    rule.__name__ = f"adaptive_avg_pool{spatial}d"
    return rule


def adaptive_max_pool(spatial: int) -> Any:
    """The rule of adaptive_max_pool1d, 2d or 3d: `b c h_in w_in -> b c h_out w_out`"""

    def rule(
        input: Tensor,
        output_size: Size,
        return_indices: bool = False,
        *,
        style: Style = "product",
    ) -> Tensor | tuple[Tensor, Tensor]:
        sizes = _sizes(f"adaptive_max_pool{spatial}d", spatial, input, output_size)
        x, position, below = input, None, 1
        for dim, size in reversed(list(enumerate(sizes, start=-spatial))):
            n_in = x.shape[dim]
            x, chosen = _largest(x, dim, size)
            if return_indices:
                place = chosen * below
                position = place if position is None else place + position.gather(dim, chosen)
                below = n_in * below
        return (x, position) if return_indices and position is not None else x

    rule.__name__ = f"adaptive_max_pool{spatial}d"
    return rule


def adaptive_max_pool_with_indices(spatial: int) -> Any:
    """The rule of adaptive_max_pool1d_with_indices, 2d or 3d."""
    pool = adaptive_max_pool(spatial)

    def rule(
        input: Tensor,
        output_size: Size,
        return_indices: bool = True,
        *,
        style: Style = "product",
    ) -> Any:
        return pool(input, output_size, True, style=style)

    rule.__name__ = f"adaptive_max_pool{spatial}d_with_indices"
    return rule


def _mean(x: Tensor, dim: int, size: int | None) -> Tensor:
    if size is None:
        return x
    if known(size, 1):
        return x.mean(dim=dim, keepdim=True)
    if not is_open(size) and size and not moves(x, dim) and int(x.shape[dim]) % size == 0:
        return _tiles(x, dim, size).mean(dim=dim)
    inside = _members(x, dim, size)
    if dim != -1:
        x = x.movedim(dim, -1)
    x = (rearrange(x, "... n_in -> ... 1 n_in") * inside).sum(dim=-1)
    x = x / inside.sum(dim=-1)
    if dim != -1:
        x = x.movedim(-1, dim)
    return x


def _largest(x: Tensor, dim: int, size: int | None) -> tuple[Tensor, Tensor]:
    """The largest of each window, and where in the dimension it is."""
    if size is None:
        size = x.shape[dim]
    if known(size, 1):
        best = x.max(dim=dim, keepdim=True)
        return best.values, best.indices
    inside = _members(x, dim, size)
    if dim != -1:
        x = x.movedim(dim, -1)
    lowest = float("-inf") if x.is_floating_point() else torch.iinfo(x.dtype).min
    windows = rearrange(x, "... n_in -> ... 1 n_in").masked_fill(~inside, lowest)
    best = windows.max(dim=-1)
    if dim == -1:
        return best.values, best.indices
    return best.values.movedim(-1, dim), best.indices.movedim(-1, dim)


def _tiles(x: Tensor, dim: int, size: int) -> Tensor:
    """`... n_in ... -> ... n_out k ...`, for a dimension from the end"""
    behind = " ".join(f"a{i}" for i in range(-dim - 1))
    return rearrange(x, f"... (n_out k) {behind} -> ... n_out k {behind}".strip(), n_out=size)


def _members(x: Tensor, dim: int, size: int) -> Tensor:
    """Which elements each window has: `n_out n_in`"""
    n_in = x.shape[dim]
    window = torch.arange(size, device=x.device)
    start = rearrange(window * n_in // size, "n_out -> n_out 1")
    end = rearrange(((window + 1) * n_in - 1) // size + 1, "n_out -> n_out 1")
    element = torch.arange(n_in, device=x.device)
    return (element >= start) & (element < end)


def _sizes(function: str, spatial: int, x: Tensor, output_size: Size) -> list[int | None]:
    if spatial > 1 and isinstance(output_size, Sequence) and x.dim() <= len(output_size):
        raise ValueError(
            f"{function}: input should have {spatial + 1} or {spatial + 2} dimensions, "
            f"it has {x.dim()} ({spelled(shape_of(x))})"
        )
    check_rank(function, "input", x, spatial + 1, spatial + 2)
    sizes = [output_size] * spatial if isinstance(output_size, (int, type(None))) else output_size
    sizes = list(sizes) * (spatial if len(sizes) == 1 else 1)
    check(
        len(sizes) == spatial,
        function,
        f"output_size should be {spatial} numbers, it is {output_size!r}",
    )
    check(
        all(size is None or size >= 0 for size in sizes),
        function,
        f"output_size should not be negative, it is {output_size!r}",
    )
    return sizes


adaptive_avg_pool1d = adaptive_avg_pool(1)
adaptive_avg_pool2d = adaptive_avg_pool(2)
adaptive_avg_pool3d = adaptive_avg_pool(3)
adaptive_max_pool1d = adaptive_max_pool(1)
adaptive_max_pool2d = adaptive_max_pool(2)
adaptive_max_pool3d = adaptive_max_pool(3)
