# ruff: noqa: A002  (torch calls it `input`)
"""Pooling: windows over the input, and their largest, mean or p-norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from unfoldify.rules.checks import check, check_rank, shape_of, spelled
from unfoldify.rules.convolution import KERNEL, OUT
from unfoldify.rules.norms import one_or_all
from unfoldify.rules.pool_arguments import PoolArguments, pool_arguments, pool_padded
from unfoldify.rules.rule import Style
from unfoldify.rules.sizes import known
from unfoldify.rules.windows import windows

Size = int | Sequence[int]


def max_pool(spatial: int) -> Any:
    """The rule of max_pool1d, 2d or 3d: `b c h_in w_in -> b c h_out w_out`"""

    def rule(
        input: Tensor,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
        *,
        style: Style = "product",
    ) -> Any:
        arguments = pool_arguments(
            f"max_pool{spatial}d", spatial, kernel_size, stride, padding, dilation, ceil_mode
        )
        lowest = float("-inf") if input.is_floating_point() else torch.iinfo(input.dtype).min
        x = _windows(input, arguments, lowest)
        if not return_indices:
            x = x.max(dim=-1).values
            return x
        best = x.max(dim=-1)
        return best.values, _positions(best.indices, input, arguments)

    rule.__name__ = f"max_pool{spatial}d"
    return rule


def max_pool_with_indices(spatial: int) -> Any:
    """The rule of max_pool1d_with_indices, 2d or 3d."""
    pool = max_pool(spatial)

    def rule(
        input: Tensor,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        return_indices: bool = True,
        *,
        style: Style = "product",
    ) -> Any:
        return pool(input, kernel_size, stride, padding, dilation, ceil_mode, True, style=style)

    rule.__name__ = f"max_pool{spatial}d_with_indices"
    return rule


def avg_pool(spatial: int) -> Any:
    """The rule of avg_pool1d, 2d or 3d: `b c h_in w_in -> b c h_out w_out`"""

    def rule(
        input: Tensor,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        *,
        style: Style = "product",
    ) -> Tensor:
        arguments = pool_arguments(
            f"avg_pool{spatial}d", spatial, kernel_size, stride, padding, 1, ceil_mode
        )
        check(
            divisor_override != 0,
            arguments.function,
            "divisor_override should not be zero, it is 0",
        )
        x = _windows(input, arguments, 0)
        padless = all(known(p, 0) for p in arguments.padding)
        if divisor_override is not None:
            return _quotient(x.sum(dim=-1), divisor_override)
        if not ceil_mode and (count_include_pad or padless):
            if x.is_floating_point():
                return x.mean(dim=-1)
            return _quotient(x.sum(dim=-1), x.shape[-1])
        x = x.sum(dim=-1)
        return _quotient(x, _counts(input, arguments, count_include_pad))

    rule.__name__ = f"avg_pool{spatial}d"
    return rule


def lp_pool(spatial: int) -> Any:
    """The rule of lp_pool1d, 2d or 3d: `b c h_in w_in -> b c h_out w_out`"""
    mean = avg_pool(spatial)

    def rule(
        input: Tensor,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        ceil_mode: bool = False,
        *,
        style: Style = "product",
    ) -> Tensor:
        arguments = pool_arguments(
            f"lp_pool{spatial}d", spatial, kernel_size, stride, 0, 1, ceil_mode
        )
        powers = input**norm_type
        if ceil_mode:  # torch makes up for what the last windows lack
            count = 1
            for k in arguments.kernel:
                count *= k
            x: Tensor = mean(powers, kernel_size, stride, ceil_mode=True) * count
        else:
            x = _windows(powers, arguments, 0).sum(dim=-1)
        return x.pow(1 / norm_type)

    rule.__name__ = f"lp_pool{spatial}d"
    return rule


def _windows(x: Tensor, arguments: PoolArguments, value: float) -> Tensor:
    """`b c h_in w_in -> b c h_out w_out (kh kw)`"""
    spatial = arguments.spatial
    check_rank(arguments.function, "input", x, spatial + 1, spatial + 2)
    batch = "b " if x.dim() == spatial + 2 else ""
    shape = shape_of(x)
    check(
        arguments.function == "avg_pool1d" or 0 not in shape[x.dim() - spatial - 1 :],
        arguments.function,
        f"input ({spelled(shape)}) should have no empty dimension but the batch",
    )
    x = pool_padded(x, arguments, value)
    first = x.dim() - spatial
    sides = zip(arguments.kernel, arguments.dilation, strict=True)
    spans = [int(d) * (int(k) - 1) + 1 for k, d in sides]
    check(
        all(span <= int(n) for span, n in zip(spans, x.shape[first:], strict=True)),
        arguments.function,
        f"the kernel spans {spelled(tuple(spans))}, more than the padded input of {spelled(shape)}",
    )
    x = windows(x, first, arguments.kernel, arguments.stride, arguments.dilation)
    out = OUT[spatial - 1]
    kernel_names = zip(KERNEL[spatial - 1].split(), arguments.kernel, strict=True)
    names = [name for name, k in kernel_names if not known(k, 1)]
    if not names:
        return rearrange(x, f"{batch}c {out} -> {batch}c {out} 1")
    if len(names) > 1:
        kernel = " ".join(names)
        x = rearrange(x, f"{batch}c {out} {kernel} -> {batch}c {out} ({kernel})")
    return x


def _quotient(x: Tensor, count: Any) -> Tensor:
    if x.is_floating_point():
        return x.div(count)
    return torch.div(x, count, rounding_mode="trunc")


def _counts(x: Tensor, arguments: PoolArguments, include_pad: bool) -> Tensor:
    """How many elements each window has, with those of the padding or without: `h_out w_out`"""
    spatial = arguments.spatial
    ones = x.new_ones((1, *x.shape[-spatial:]))
    inside = pool_padded(ones, arguments, 0, margin=1 if include_pad else 0)
    inside = windows(inside, 1, arguments.kernel, arguments.stride, arguments.dilation)
    dims = tuple(range(spatial + 1, inside.dim()))
    return inside.sum(dim=one_or_all(dims), dtype=x.dtype)[0] if dims else inside[0]


def _positions(best: Tensor, x: Tensor, arguments: PoolArguments) -> Tensor:
    """Where in the flattened input the best of each window is."""
    spatial = arguments.spatial
    rest, position = best, torch.zeros_like(best)
    parts = []
    for k in reversed(arguments.kernel):
        parts.append(rest % k)
        rest = rest // k
    for axis, part in enumerate(reversed(parts)):
        n_out = best.shape[axis - spatial]
        start = torch.arange(n_out, device=best.device) * arguments.stride[axis]
        start = rearrange(start - arguments.padding[axis], "n -> n" + " 1" * (spatial - 1 - axis))
        position = position * x.shape[axis - spatial] + start + part * arguments.dilation[axis]
    return position


max_pool1d, max_pool2d, max_pool3d = max_pool(1), max_pool(2), max_pool(3)
avg_pool1d, avg_pool2d, avg_pool3d = avg_pool(1), avg_pool(2), avg_pool(3)
lp_pool1d, lp_pool2d, lp_pool3d = lp_pool(1), lp_pool(2), lp_pool(3)
