"""From the products of a transposed convolution to its result: shuffle, overlap, crop."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from unfoldify.notes import remark
from unfoldify.rules.contraction import axes
from unfoldify.rules.sizes import is_open, known
from unfoldify.rules.transposed_arguments import Extent
from unfoldify.rules.windows import trimmed

PIXELS = (("n_in",), ("h_in", "w_in"), ("d_in", "h_in", "w_in"))
KERNEL = (("k",), ("kh", "kw"), ("kd", "kh", "kw"))
STEPS = (("s",), ("sh", "sw"), ("sd", "sh", "sw"))


class Place(NamedTuple):
    """How the axes of one spatial dimension are written before and after the shuffle."""

    kernel: str
    pixel: str
    kernel_after: str
    pixel_after: str


def kernel_axes(extents: tuple[Extent, ...]) -> tuple[str, ...]:
    """The name of each kernel axis, "" where the kernel is a single element that stays in place."""
    names = KERNEL[len(extents) - 1]
    present = (not known(e.kernel, 1) or not known(e.stride, 1) for e in extents)
    return tuple(name if there else "" for name, there in zip(names, present, strict=True))


def shuffled(x: Tensor, channels: tuple[str, str], extents: tuple[Extent, ...]) -> Tensor:
    """`b c_out (kh sh) (kw sw) h_in w_in -> b c_out kh kw (h_in sh) (w_in sw)`

    `channels` are the axes in front of the kernel's, before and after.
    """
    kernels = [e for e, name in zip(extents, kernel_axes(extents), strict=True) if name]
    if any(extent.fill for extent in kernels):
        flat = [side for extent in reversed(kernels) for side in (0, extent.fill)]
        x = F.pad(x, (0, 0) * len(extents) + trimmed(flat))
    places = [_place(dim, extents) for dim in range(len(extents))]
    before = axes(channels[0], *(p.kernel for p in places), *(p.pixel for p in places))
    after = axes(channels[1], *(p.kernel_after for p in places), *(p.pixel_after for p in places))
    sizes = {
        STEPS[len(extents) - 1][dim]: extents[dim].stride
        for dim, place in enumerate(places)
        if place.kernel.startswith("(")
    }
    if before != after:
        x = rearrange(x, f"{before} -> {after}", **sizes)
    return x


def _place(dim: int, extents: tuple[Extent, ...]) -> Place:
    extent, spatial = extents[dim], len(extents) - 1
    kernel, pixel = kernel_axes(extents)[dim], PIXELS[spatial][dim]
    step = STEPS[spatial][dim]
    if extent.stride == 1:  # nothing to shuffle
        return Place(kernel, pixel, kernel, pixel)
    if extent.tiles == 1:
        return Place(kernel, pixel, "", f"({pixel} {kernel})")
    return Place(f"({kernel} {step})", pixel, kernel, f"({pixel} {step})")


def overlapped(x: Tensor, extents: tuple[Extent, ...]) -> Tensor:
    """The tiles of each dimension, added at their places: `b c_out kh kw h w -> b c_out h w`"""
    tiled = [dim for dim, extent in enumerate(extents) if extent.tiles > 1]
    first = x.dim() - len(extents) - len(tiled)
    for dim in tiled:
        last = extents[dim].tiles - 1
        starts = [extents[dim].step * tile for tile in range(last + 1)]
        behind = (0, 0) * (len(extents) - 1 - dim)
        x = _added(x, first, [(*behind, start, starts[-1] - start) for start in starts])
    return x


def _added(x: Tensor, dim: int, pads: list[tuple[int, ...]]) -> Tensor:
    """The sum over dimension `dim`, each of its elements padded to its place."""
    before: tuple[Any, ...] = (slice(None),) * dim
    match pads:
        case [a, b]:
            return F.pad(x[(*before, 0)], a) + F.pad(x[(*before, 1)], b)
        case [a, b, c]:
            x = F.pad(x[(*before, 0)], a) + F.pad(x[(*before, 1)], b) + F.pad(x[(*before, 2)], c)
            return x
    total: Any = 0  # with the first tile in its place, it would stand in front of the loop
    for tile, pad in enumerate(pads):
        total = total + F.pad(x[(*before, tile)], pad)
    return total  # type: ignore[no-any-return]


def cropped(x: Tensor, extents: tuple[Extent, ...]) -> Tensor:
    """The result without what padding takes away at both ends, and the rest of the last tile."""
    if any(is_open(e.output_padding) or is_open(e.padding) for e in extents):
        sides = [
            side for e in reversed(extents) for side in (-e.padding, e.output_padding - e.rest)
        ]
        x = F.pad(x, tuple(sides))
        return remark(x, "padding, output_padding")
    ends = [extent.rest - extent.output_padding for extent in extents]
    slices = tuple(
        slice(extent.padding or None, -end if end > 0 else None)
        for extent, end in zip(extents, ends, strict=True)
    )
    if any(part != slice(None) for part in slices):
        first = x.dim() - len(extents)
        index: tuple[Any, ...] = (..., *slices)
        if len(extents) > 1:
            index = (slice(None),) * first + slices
        x = x[index]
        remark(x, _reason(extents))
    if any(end < 0 for end in ends):
        flat = [side for end in reversed(ends) for side in (0, max(-end, 0))]
        x = F.pad(x, trimmed(flat))
        remark(x, "output_padding")
    return x


def _reason(extents: tuple[Extent, ...]) -> str:
    words = ["padding"] if any(extent.padding for extent in extents) else []
    words += ["output_padding"] if any(extent.output_padding for extent in extents) else []
    return ", ".join(words) or "the rest of the last tiles"
