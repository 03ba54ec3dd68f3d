# ruff: noqa: A002  (torch calls it `input`)
"""fold and unfold: windows as columns, and columns added back at their places."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from unfoldify.rules.checks import check, check_rank, shape_of, spelled
from unfoldify.rules.conv_arguments import per_dimension
from unfoldify.rules.rule import Style
from unfoldify.rules.sizes import known
from unfoldify.rules.tiles import cropped, kernel_axes, overlapped, shuffled
from unfoldify.rules.transposed_arguments import Extent
from unfoldify.rules.windows import padded, windows

Size = int | Sequence[int]


def unfold(
    input: Tensor,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
    *,
    style: Style = "product",
) -> Tensor:
    """`b c h_in w_in -> b (c kh kw) (h_out w_out)`"""
    check_rank("unfold", "input", input, 3, 4)
    kernel = per_dimension("unfold", "kernel_size", kernel_size, 2, at_least=1)
    dilations = per_dimension("unfold", "dilation", dilation, 2, at_least=1)
    pads = per_dimension("unfold", "padding", padding, 2, at_least=0)
    strides = per_dimension("unfold", "stride", stride, 2, at_least=1)
    batch = "b " if input.dim() == 4 else ""
    x = padded(input, tuple((p, p) for p in pads))
    x = windows(x, x.dim() - 2, kernel, strides, dilations)
    names = [name for name, k in zip(("kh", "kw"), kernel, strict=True) if not known(k, 1)]
    kernel_names = "".join(f" {name}" for name in names)
    columns = f"(c{kernel_names})" if names else "c"
    return rearrange(x, f"{batch}c h_out w_out{kernel_names} -> {batch}{columns} (h_out w_out)")


def fold(
    input: Tensor,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
    *,
    style: Style = "product",
) -> Tensor:
    """`b (c kh kw) (h_in w_in) -> b c h_out w_out`, where windows that overlap are added"""
    check_rank("fold", "input", input, 2, 3)
    sizes = per_dimension("fold", "output_size", output_size, 2, at_least=1)
    kernel = per_dimension("fold", "kernel_size", kernel_size, 2, at_least=1)
    dilations = per_dimension("fold", "dilation", dilation, 2, at_least=1)
    pads = per_dimension("fold", "padding", padding, 2, at_least=0)
    strides = per_dimension("fold", "stride", stride, 2, at_least=1)
    counts, extents = [], []
    for n, k, s, p, d in zip(sizes, kernel, strides, pads, dilations, strict=True):
        steps = n + 2 * p - d * (k - 1) - 1
        counts.append(steps // s + 1)
        extents.append(Extent(k, s, d, p, 0 if known(s, 1) else steps % s))
    found, rows = shape_of(input), int(kernel[0]) * int(kernel[1])
    columns = tuple(int(count) for count in counts)
    check(
        found[-1] == columns[0] * columns[1] and found[-2] % rows == 0,
        "fold",
        f"input ({spelled(found)}) should have a multiple of {rows} rows and "
        f"{spelled(columns)} columns for output_size {spelled(sizes)}",
    )
    batch = "b " if input.dim() == 3 else ""
    both = tuple(extents)
    sizes_of = {name: k for name, k in zip(kernel_axes(both), kernel, strict=True) if name}
    names = "".join(f" {name}" for name in sizes_of)
    x = rearrange(
        input,
        f"{batch}(c{names}) (h_in w_in) -> {batch}c{names} h_in w_in",
        h_in=counts[0],
        **sizes_of,
    )
    x = _spread(x, both)
    x = shuffled(x, (f"{batch}c", f"{batch}c"), both)
    x = overlapped(x, both)
    return cropped(x, both)


def _spread(x: Tensor, extents: tuple[Extent, ...]) -> Tensor:
    """Zeros between the kernel's elements, where dilation and stride are both above 1."""
    first = x.dim() - 2 - sum(1 for name in kernel_axes(extents) if name)
    for offset, extent in enumerate(
        e for e, n in zip(extents, kernel_axes(extents), strict=True) if n
    ):
        if extent.spread:
            x = x.movedim(first + offset, -1)
            x = F.pad(rearrange(x, "... k -> ... k 1"), (0, extent.dilation - 1))
            x = rearrange(x, "... k s -> ... (k s)")
            x = x.movedim(-1, first + offset)
    return x
