# ruff: noqa: A002  (torch calls it `input`)
"""Normalisation: subtract the mean, divide by the standard deviation, scale and shift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from unfoldify.notes import listener
from unfoldify.rules.checks import check, shape_of, spelled
from unfoldify.rules.rule import Decline, Style
from unfoldify.rules.windows import padded


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *backend: Any,
    style: Style = "product",
) -> Tensor:
    """`b c ...`, statistics of each channel over the batch and the pixels; `backend` is ignored"""
    dims, ones = tuple(dim for dim in range(input.dim()) if dim != 1), " 1" * (input.dim() - 2)
    if 0 in shape_of(input):
        return _affine(input, weight, bias, ones)
    if eps < 0 or (training and eps == 0):
        wanted = "positive in training" if training else "no less than zero"
        raise ValueError(f"batch_norm: eps should be {wanted}, it is {eps}")
    if training:
        _check_values("batch_norm", input, dims)
        mean = input.mean(dim=one_or_all(dims))
        var = input.var(dim=one_or_all(dims), correction=0)
        unbiased = input.var(dim=one_or_all(dims))
        _update(running_mean, running_var, mean, unbiased, momentum)
    elif running_mean is None or running_var is None:
        raise RuntimeError(
            "batch_norm: running_mean and running_var should be given in evaluation, "
            f"they are {running_mean} and {running_var}"
        )
    else:
        mean, var = running_mean, running_var
    scale = (var + eps).rsqrt()
    if ones:
        mean = rearrange(mean, f"c -> c{ones}")
        scale = rearrange(scale, f"c -> c{ones}")
    x = (input - mean) * scale
    return _affine(x, weight, bias, ones)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *backend: Any,
    style: Style = "product",
) -> Tensor:
    """`b c ...`, statistics of each channel of each image over the pixels; `backend` is ignored"""
    dims, ones = tuple(range(2, input.dim())), " 1" * (input.dim() - 2)
    if not use_input_stats:
        return batch_norm(
            input, running_mean, running_var, weight, bias, False, momentum, eps, style=style
        )
    _check_values("instance_norm", input, dims)
    mean = input.mean(dim=one_or_all(dims))
    var = input.var(dim=one_or_all(dims), correction=0)
    if running_mean is not None:
        unbiased = input.var(dim=one_or_all(dims))
        _update(running_mean, running_var, mean.mean(dim=0), unbiased.mean(dim=0), momentum)
    x = input - rearrange(mean, f"b c -> b c{ones}")
    x = x * rearrange((var + eps).rsqrt(), f"b c -> b c{ones}")
    return _affine(x, weight, bias, ones)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *backend: Any,
    style: Style = "product",
) -> Tensor:
    """`b (g c) ...`, statistics of each group of each image; `backend` is ignored"""
    shape = shape_of(input)
    check(
        len(shape) >= 2 and shape[1] % num_groups == 0,
        "group_norm",
        f"input ({spelled(shape)}) should have a multiple of num_groups={num_groups} channels",
    )
    x = rearrange(input, "b (g c) ... -> b g c ...", g=num_groups)
    dims = tuple(range(2, x.dim()))
    mean = x.mean(dim=one_or_all(dims), keepdim=True)
    var = x.var(dim=one_or_all(dims), correction=0, keepdim=True)
    x = (x - mean) * (var + eps).rsqrt()
    x = rearrange(x, "b g c ... -> b (g c) ...")
    return _affine(x, weight, bias, " 1" * (input.dim() - 2))


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *backend: Any,
    style: Style = "product",
) -> Tensor:
    """`... i`, statistics of each token over its features; `backend` is ignored"""
    dims = _last("layer_norm", input, normalized_shape)
    mean = input.mean(dim=one_or_all(dims), keepdim=True)
    var = input.var(dim=one_or_all(dims), correction=0, keepdim=True)
    x = (input - mean) * (var + eps).rsqrt()
    if weight is not None:
        x = x * weight
    if bias is not None:
        x = x + bias
    return x


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """`... i`, over the root of the mean square of each token's features"""
    dims = _last("rms_norm", input, normalized_shape)
    if eps is None and listener.get() is not None:
        raise Decline("eps is not given: it is another number for another dtype of the input")
    if eps is None:
        eps = torch.finfo(input.dtype).eps
    x = input
    if x.dtype in (torch.float16, torch.bfloat16):  # as torch does: a square has no room there
        x = x.float()
    x = x * ((x * x).mean(dim=one_or_all(dims), keepdim=True) + eps).rsqrt()
    if x.dtype != input.dtype:
        x = x.to(input.dtype)
    if weight is not None:
        x = x * weight
    return x


def local_response_norm(
    input: Tensor,
    size: int,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
    *,
    style: Style = "product",
) -> Tensor:
    """`b c ...`, each channel over the squares of the `size` channels around it"""
    check(
        input.dim() >= 3,
        "local_response_norm",
        f"input should have 3 or more dimensions, it has {input.dim()}",
    )
    if 0 in shape_of(input):
        return input
    rest = ((0, 0),) * (input.dim() - 2)
    square = padded(input * input, ((size // 2, (size - 1) // 2), *rest))
    total = square.unfold(1, size, 1).sum(dim=-1)
    if total.is_floating_point():
        mean = total / size
    else:
        mean = total.div(size, rounding_mode="trunc")
    return input / (mean * alpha + k) ** beta


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None, ones: str) -> Tensor:
    """A factor and a summand for each channel."""
    if weight is not None and ones:
        x = x * rearrange(weight, f"c -> c{ones}")
    elif weight is not None:
        x = x * weight
    if bias is not None and ones:
        x = x + rearrange(bias, f"c -> c{ones}")
    elif bias is not None:
        x = x + bias
    return x


def _update(
    running_mean: Tensor | None,
    running_var: Tensor | None,
    mean: Tensor,
    var: Tensor,
    momentum: float,
) -> None:
    """The running statistics, moved towards those of this batch."""
    if running_mean is not None:
        running_mean.lerp_(_as(mean.detach(), running_mean), momentum)
    if running_var is not None:
        running_var.lerp_(_as(var.detach(), running_var), momentum)


def _as(x: Tensor, like: Tensor) -> Tensor:
    """`x` in the dtype of the statistics that it moves."""
    if x.dtype == like.dtype:
        return x
    return x.to(like.dtype)


def _check_values(function: str, x: Tensor, dims: tuple[int, ...]) -> None:
    shape = shape_of(x)
    count = 1
    for dim in dims:
        count *= shape[dim]
    if count == 1:
        raise ValueError(
            f"{function}: input ({spelled(shape)}) should have more than 1 value per channel "
            "in training, it has 1"
        )


def one_or_all(dims: tuple[int, ...]) -> int | tuple[int, ...]:
    """A single dimension as a number."""
    return dims if len(dims) != 1 else dims[0]


def _last(function: str, x: Tensor, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    """The dimensions to normalise over, counted from the end."""
    wanted, found = tuple(int(n) for n in normalized_shape), shape_of(x)
    check(
        len(wanted) > 0 and found[len(found) - len(wanted) :] == wanted,
        function,
        f"input ({spelled(found)}) should end in normalized_shape ({spelled(wanted)})",
    )
    return tuple(range(-len(wanted), 0))
