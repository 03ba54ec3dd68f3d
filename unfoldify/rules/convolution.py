# ruff: noqa: A002  (torch calls it `input`)
"""Convolutions: windows over the input, times the kernel, summed over channels and kernel axes."""

from __future__ import annotations

from typing import NamedTuple

from einops import rearrange
from torch import Tensor

from unfoldify.notes import always_equal, moves
from unfoldify.rules.contraction import axes, contract, ungrouped
from unfoldify.rules.conv_arguments import (
    ConvArguments,
    Size,
    check_convolution,
    conv_arguments,
)
from unfoldify.rules.rule import Style, check_style
from unfoldify.rules.sizes import is_open, known, sizes
from unfoldify.rules.windows import padded, windows

OUT = ("n_out", "h_out w_out", "d_out h_out w_out")
KERNEL = ("k", "kh kw", "kd kh kw")


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: str | Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    style: Style = "product",
) -> Tensor:
    """`b (g c_in) n_in, (g c_out) c_in k -> b (g c_out) n_out`"""
    check_style(style)
    arguments = conv_arguments("conv1d", 1, weight, stride, padding, dilation, groups)
    return _convolution(input, weight, bias, arguments, style)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: str | Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    style: Style = "product",
) -> Tensor:
    """`b (g c_in) h_in w_in, (g c_out) c_in kh kw -> b (g c_out) h_out w_out`"""
    check_style(style)
    arguments = conv_arguments("conv2d", 2, weight, stride, padding, dilation, groups)
    return _convolution(input, weight, bias, arguments, style)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: str | Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    style: Style = "product",
) -> Tensor:
    """`b (g c_in) d_in h_in w_in, (g c_out) c_in kd kh kw -> b (g c_out) d_out h_out w_out`"""
    check_style(style)
    arguments = conv_arguments("conv3d", 3, weight, stride, padding, dilation, groups)
    return _convolution(input, weight, bias, arguments, style)


class Channels(NamedTuple):
    """What the channel axes are called in the input, the kernel, the result and the product."""

    x: str
    w: str
    result: str
    order: str
    over: str


PLAIN = Channels("c_in", "c_out c_in", "c_out", "c_out c_in", "c_in")
GROUPED = Channels("(g c_in)", "(g c_out) c_in", "(g c_out)", "g c_out c_in", "c_in")
DEPTHWISE = Channels("c", "c 1", "c", "c", "")  # no sum over channels, so no axis for it
MULTIPLIED = Channels("g", "(g c_out) 1", "(g c_out)", "g c_out", "")  # several for each channel


def _convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments, style: Style
) -> Tensor:
    check_convolution(x, weight, bias, arguments)
    spatial = arguments.spatial
    first = x.dim() - spatial
    batch = "b" if first == 2 else ""
    channels = _channels(weight, arguments.groups)
    tiles = _tiles(x, first, arguments)
    x = padded(x, arguments.padding)
    if not tiles:
        x = windows(x, first, arguments.kernel, arguments.stride, arguments.dilation)
    x = _contracted(x, weight, batch, channels, tiles, arguments, style)
    if bias is not None:
        name = ungrouped(channels.result).split()[-1]
        x = x + rearrange(bias, f"{name} -> {name}{' 1' * spatial}")
    return x


def _channels(weight: Tensor, groups: int) -> Channels:
    c_out, c_in, *_ = sizes(weight)
    if known(groups, 1):
        return PLAIN
    if not known(c_in, 1):
        return GROUPED
    return DEPTHWISE if always_equal(c_out, groups) else MULTIPLIED


def _tiles(x: Tensor, first: int, arguments: ConvArguments) -> dict[str, int]:
    """The sizes of the kernel axes where the windows lie side by side and cover the input.

    Only where the input has no other size: windows may leave a rest, tiles may not.
    """
    kernel = arguments.kernel
    if kernel != arguments.stride or min(kernel) == 1:
        return {}
    if not all(known(d, 1) for d in arguments.dilation) or any(map(is_open, kernel)):
        return {}
    for dim, (k, pads) in enumerate(zip(kernel, arguments.padding, strict=True), start=first):
        if any(map(is_open, pads)) or moves(x, dim) or (int(x.shape[dim]) + sum(pads)) % k:
            return {}
    return dict(zip(KERNEL[arguments.spatial - 1].split(), kernel, strict=True))


def _contracted(
    x: Tensor,
    weight: Tensor,
    batch: str,
    channels: Channels,
    tiles: dict[str, int],
    arguments: ConvArguments,
    style: Style,
) -> Tensor:
    """Windows times kernel; a kernel axis of size 1 has no window axis."""
    out, names = OUT[arguments.spatial - 1], KERNEL[arguments.spatial - 1].split()
    present = [not known(k, 1) for k in arguments.kernel]
    kernel = axes(*(name for name, there in zip(names, present, strict=True) if there))
    w_kernel = axes(*(name if there else "1" for name, there in zip(names, present, strict=True)))
    pixels = axes(out, kernel)
    if tiles:
        pixels = axes(*(f"({o} {k})" for o, k in zip(out.split(), names, strict=True)))
    sizes = tiles | ({"g": arguments.groups} if "g" in ungrouped(channels.x).split() else {})
    return contract(
        x,
        weight,
        f"{axes(batch, channels.x, pixels)}, {axes(channels.w, w_kernel)}"
        f" -> {axes(batch, channels.result, out)}",
        order=axes(batch, channels.order, out, kernel),
        over=axes(channels.over, kernel),
        style=style,
        **sizes,
    )
