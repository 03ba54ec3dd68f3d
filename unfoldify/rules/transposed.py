# ruff: noqa: A002  (torch calls it `input`)
"""Transposed convolutions: every pixel becomes a tile of the result; overlapping tiles are added.

Where the kernel is the stride, tiles lie side by side: a 1x1 convolution, then a pixel shuffle. A
larger kernel is cut into tiles of one stride each, which are added at their places. (Measured on
CPU, forward and backward: in the product style 25 to 50 times faster than windows over the input
with a kernel cut to tiles, because nothing reads a window; in the einsum style as fast.) With
stride 1 there are no tiles: it is a convolution with the kernel turned round. So it is with any
stride where the kernel comes as an input and may be of any size: over an input with zeros between
its pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from unfoldify.notes import always_equal
from unfoldify.rules.contraction import axes, contract
from unfoldify.rules.conv_arguments import Size
from unfoldify.rules.convolution import OUT
from unfoldify.rules.rule import Style, check_style
from unfoldify.rules.sizes import known
from unfoldify.rules.sizes import sizes as sizes_of
from unfoldify.rules.tiles import (
    KERNEL,
    PIXELS,
    STEPS,
    cropped,
    kernel_axes,
    overlapped,
    shuffled,
)
from unfoldify.rules.transposed_arguments import (
    Extent,
    TransposedArguments,
    check_transposed,
    transposed_arguments,
)
from unfoldify.rules.windows import padded, trimmed, windows


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    style: Style = "product",
) -> Tensor:
    """`b (g c_in) n_in, (g c_in) c_out k -> b (g c_out) n_out`"""
    check_style(style)
    arguments = transposed_arguments(
        "conv_transpose1d", 1, weight, stride, padding, output_padding, groups, dilation
    )
    return _transposed(input, weight, bias, arguments, style)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    style: Style = "product",
) -> Tensor:
    """`b (g c_in) h_in w_in, (g c_in) c_out kh kw -> b (g c_out) h_out w_out`"""
    check_style(style)
    arguments = transposed_arguments(
        "conv_transpose2d", 2, weight, stride, padding, output_padding, groups, dilation
    )
    return _transposed(input, weight, bias, arguments, style)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    style: Style = "product",
) -> Tensor:
    """`b (g c_in) d_in h_in w_in, (g c_in) c_out kd kh kw -> b (g c_out) d_out h_out w_out`"""
    check_style(style)
    arguments = transposed_arguments(
        "conv_transpose3d", 3, weight, stride, padding, output_padding, groups, dilation
    )
    return _transposed(input, weight, bias, arguments, style)


class Channels(NamedTuple):
    """The channel axes in the input, the kernel, the product, and the result before and after."""

    x: str
    w: str
    order: str
    over: str
    split: str
    merged: str


PLAIN = Channels("c_in", "c_in c_out", "c_out", "c_in", "c_out", "c_out")
GROUPED = Channels("(g c_in)", "(g c_in) c_out", "g c_out", "c_in", "g c_out", "(g c_out)")
DEPTHWISE = Channels("c", "c 1", "c", "", "c", "c")  # no sum over channels, so no axis for it
MULTIPLIED = Channels("g", "g c_out", "g c_out", "", "g c_out", "(g c_out)")


def _transposed(
    x: Tensor, weight: Tensor, bias: Tensor | None, arguments: TransposedArguments, style: Style
) -> Tensor:
    check_transposed(x, weight, bias, arguments)
    batch = "b" if x.dim() == arguments.spatial + 2 else ""
    channels = _channels(weight, arguments.groups)
    sizes = {"g": arguments.groups} if channels is GROUPED else {}
    extents = arguments.extents
    if any(e.is_open for e in extents) or all(e.stride == 1 for e in extents):
        x = _turned(x, weight, batch, channels, extents, style, sizes)
    else:
        x = _tiled(x, weight, batch, channels, extents, style, sizes)
        after = axes(batch, channels.split), axes(batch, channels.merged)
        x = shuffled(x, after, extents)
        x = overlapped(x, extents)
        x = cropped(x, extents)
    if bias is not None:
        name = channels.split.split()[-1]
        x = x + rearrange(bias, f"{name} -> {name}{' 1' * arguments.spatial}")
    return x


def _channels(weight: Tensor, groups: int) -> Channels:
    c_in, c_out, *_ = sizes_of(weight)
    if known(groups, 1):
        return PLAIN
    if not always_equal(c_in, groups):
        return GROUPED
    return DEPTHWISE if known(c_out, 1) else MULTIPLIED


def _tiled(
    x: Tensor,
    weight: Tensor,
    batch: str,
    channels: Channels,
    extents: tuple[Extent, ...],
    style: Style,
    sizes: dict[str, int],
) -> Tensor:
    """`b c_in h_in w_in, c_in c_out kh kw -> b c_out kh kw h_in w_in`"""
    w = _spread(weight, extents)
    names = kernel_axes(extents)
    kernel, pixels = axes(*names), axes(*PIXELS[len(extents) - 1])
    return contract(
        x,
        w,
        f"{axes(batch, channels.x, pixels)}, {axes(channels.w, *(n or '1' for n in names))}"
        f" -> {axes(batch, channels.split, kernel, pixels)}",
        order=axes(batch, channels.order, kernel, channels.over, pixels),
        over=channels.over,
        style=style,
        **sizes,
    )


def _spread(w: Tensor, extents: tuple[Extent, ...]) -> Tensor:
    """The kernel with zeros between its elements, where dilation and stride are both above 1."""
    if any(extent.spread for extent in extents):
        dims = list(zip(KERNEL[len(extents) - 1], STEPS[len(extents) - 1], extents, strict=True))
        before = axes("c_in c_out", *(k for k, _, _ in dims))
        apart = axes("c_in c_out", *(f"{k} 1" if e.spread else k for k, _, e in dims))
        w = rearrange(w, f"{before} -> {apart}")
        zeros = [(0, e.dilation - 1, 0, 0) if e.spread else (0, 0) for _, _, e in reversed(dims)]
        w = F.pad(w, trimmed([side for pads in zeros for side in pads]))
        before = axes("c_in c_out", *(f"{k} {s}" if e.spread else k for k, s, e in dims))
        after = axes("c_in c_out", *(f"({k} {s})" if e.spread else k for k, s, e in dims))
        w = rearrange(w, f"{before} -> {after}")
    return w


def _turned(
    x: Tensor,
    weight: Tensor,
    batch: str,
    channels: Channels,
    extents: tuple[Extent, ...],
    style: Style,
    sizes: dict[str, int],
) -> Tensor:
    """A convolution with the kernel turned round, each pixel a stride from the next."""
    x = _apart(x, extents)
    x = padded(x, tuple(_margins(extent) for extent in extents))
    kernel = tuple(extent.kernel for extent in extents)
    dilation = tuple(extent.dilation for extent in extents)
    x = windows(x, x.dim() - len(extents), kernel, (1,) * len(extents), dilation)
    w = weight
    if not all(known(k, 1) for k in kernel):
        w = w.flip(*(dim for dim, k in enumerate(kernel, start=2) if not known(k, 1)))
    names, pixels = kernel_axes(extents), OUT[len(extents) - 1]
    return contract(
        x,
        w,
        f"{axes(batch, channels.x, pixels, *names)}, {axes(channels.w, *(n or '1' for n in names))}"
        f" -> {axes(batch, channels.merged, pixels)}",
        order=axes(batch, channels.order, channels.over, pixels, *names),
        over=axes(channels.over, *names),
        style=style,
        **sizes,
    )


def _apart(x: Tensor, extents: tuple[Extent, ...]) -> Tensor:
    """`b c_in h_in w_in -> b c_in (h_in sh) (w_in sw)`, with zeros between the pixels."""
    if all(known(extent.stride, 1) for extent in extents):
        return x
    names = list(zip(PIXELS[len(extents) - 1], STEPS[len(extents) - 1], extents, strict=True))
    before = axes("...", *(n for n, _, _ in names))
    apart = axes("...", *(n if known(e.stride, 1) else f"{n} 1" for n, _, e in names))
    x = rearrange(x, f"{before} -> {apart}")
    zeros = [
        (0, 0) if known(e.stride, 1) else (0, e.stride - 1, 0, 0) for _, _, e in reversed(names)
    ]
    x = F.pad(x, trimmed([side for pads in zeros for side in pads]))
    apart = axes("...", *(n if known(e.stride, 1) else f"{n} {s}" for n, s, e in names))
    after = axes("...", *(n if known(e.stride, 1) else f"({n} {s})" for n, s, e in names))
    return rearrange(x, f"{apart} -> {after}")


def _margins(extent: Extent) -> tuple[int, int]:
    """What goes around the pixels: room for the kernel, less the zeros behind the last of them."""
    margin = extent.reach if known(extent.padding, 0) else extent.reach - extent.padding
    end = margin if known(extent.output_padding, 0) else margin + extent.output_padding
    return margin, end if known(extent.stride, 1) else end - (extent.stride - 1)
