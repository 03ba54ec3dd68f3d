# ruff: noqa: A002  (torch calls it `input`)
"""What only moves elements: pixel and channel shuffles, flatten and unflatten."""

from __future__ import annotations

from collections.abc import Sequence

from einops import rearrange
from torch import Tensor

from unfoldify.rules.checks import check, shape_of, spelled
from unfoldify.rules.products import numbered
from unfoldify.rules.rule import Style

NAMES = ("b", "b i", "b n i", "b c h w", "b c d h w")


def pixel_shuffle(input: Tensor, upscale_factor: int, *, style: Style = "product") -> Tensor:
    """`... (c sh sw) h_in w_in -> ... c (h_in sh) (w_in sw)`"""
    shape, factor = shape_of(input), upscale_factor
    check(
        len(shape) >= 3 and factor > 0 and shape[-3] % (factor * factor) == 0,
        "pixel_shuffle",
        f"input ({spelled(shape)}) should have a multiple of {factor}x{factor} channels",
    )
    pattern = "... (c sh sw) h_in w_in -> ... c (h_in sh) (w_in sw)"
    return rearrange(input, pattern, sh=factor, sw=factor)


def pixel_unshuffle(input: Tensor, downscale_factor: int, *, style: Style = "product") -> Tensor:
    """`... c (h_out sh) (w_out sw) -> ... (c sh sw) h_out w_out`"""
    shape, factor = shape_of(input), downscale_factor
    check(
        len(shape) >= 3 and factor > 0 and shape[-1] % factor == shape[-2] % factor == 0,
        "pixel_unshuffle",
        f"height and width of input ({spelled(shape)}) should be multiples of {factor}",
    )
    pattern = "... c (h_out sh) (w_out sw) -> ... (c sh sw) h_out w_out"
    return rearrange(input, pattern, sh=factor, sw=factor)


def channel_shuffle(input: Tensor, groups: int, *, style: Style = "product") -> Tensor:
    """`b (g c) ... -> b (c g) ...`"""
    shape = shape_of(input)
    check(
        len(shape) >= 3 and groups > 0 and shape[1] % groups == 0,
        "channel_shuffle",
        f"input ({spelled(shape)}) should have a multiple of groups={groups} channels",
    )
    return rearrange(input, "b (g c) ... -> b (c g) ...", g=groups)


def flatten(
    input: Tensor, start_dim: int = 0, end_dim: int = -1, *, style: Style = "product"
) -> Tensor:
    """`b c h w -> b (c h w)`, from `start_dim` to `end_dim`"""
    rank = input.dim()
    names = _names(rank)
    start, end = start_dim % max(rank, 1), end_dim % max(rank, 1)
    check(
        start <= end,
        "flatten",
        f"start_dim should not come after end_dim, they are {start_dim} and {end_dim}",
    )
    if rank == 0:
        return rearrange(input, "-> 1")
    if start == end:
        return input
    merged = [*names[:start], f"({' '.join(names[start : end + 1])})", *names[end + 1 :]]
    return rearrange(input, f"{' '.join(names)} -> {' '.join(merged)}")


def unflatten(input: Tensor, dim: int, sizes: Sequence[int], *, style: Style = "product") -> Tensor:
    """`b (c1 c2) h w -> b c1 c2 h w`, the dimension `dim`; one of the sizes may be -1"""
    names = _names(input.dim())
    dim = dim % input.dim()
    parts = numbered(names[dim], len(sizes))
    known = {part: size for part, size in zip(parts, sizes, strict=True) if size != -1}
    if len(known) == len(parts):  # the first follows from the others
        product = 1
        for size in known.values():
            product *= size
        check(
            product == int(input.shape[dim]),
            "unflatten",
            f"sizes {tuple(sizes)} should make up the {int(input.shape[dim])} of dimension {dim}",
        )
    group = parts[0] if len(parts) == 1 else f"({' '.join(parts)})"
    left, right = list(names), list(names)
    left[dim], right[dim] = group, " ".join(parts)
    if left == right:
        return input
    return rearrange(input, f"{' '.join(left)} -> {' '.join(right)}", **known)


def _names(rank: int) -> tuple[str, ...]:
    """What the axes of a tensor are called that has no names of its own."""
    return tuple(NAMES[rank - 1].split()) if 0 < rank <= len(NAMES) else numbered("n", rank)
