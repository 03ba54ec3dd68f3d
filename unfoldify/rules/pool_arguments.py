"""The hyper-parameters of pooling, and the padding that they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from unfoldify.rules.checks import check
from unfoldify.rules.conv_arguments import per_dimension
from unfoldify.rules.sizes import known
from unfoldify.rules.windows import padded

Size = int | Sequence[int]


@dataclass(frozen=True)
class PoolArguments:
    """One entry per spatial dimension."""

    function: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool

    @property
    def spatial(self) -> int:
        return len(self.kernel)


def pool_arguments(
    function: str,
    spatial: int,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    dilation: Size,
    ceil_mode: bool,
) -> PoolArguments:
    """The arguments of a call, checked and normalised; without a stride it is the kernel size."""
    kernel = per_dimension(function, "kernel_size", kernel_size, spatial, at_least=1)
    empty = stride is None or (not isinstance(stride, int) and len(stride) == 0)
    strides = kernel
    if not empty and stride is not None:
        strides = per_dimension(function, "stride", stride, spatial, at_least=1)
    pads = per_dimension(function, "padding", padding, spatial, at_least=0)
    dilations = per_dimension(function, "dilation", dilation, spatial, at_least=1)
    for k, p, d in zip(kernel, pads, dilations, strict=True):
        span = int(d) * (int(k) - 1) + 1
        check(
            int(p) <= span // 2,
            function,
            f"padding should be at most half of the kernel's span, it is {p} for {span}",
        )
    return PoolArguments(function, kernel, strides, pads, dilations, ceil_mode)


def pool_padded(
    x: Tensor, arguments: PoolArguments, value: float, margin: float | None = None
) -> Tensor:
    """The input with its padding, and in ceil mode with what the last windows need beyond it.

    The padding is filled with `margin` where that is given, the rest always with `value`.
    """
    first = x.dim() - arguments.spatial
    pads = tuple((p, p) for p in arguments.padding)
    if not arguments.ceil_mode:
        return padded(x, pads, value if margin is None else margin)
    beyond = [_beyond(x.shape[first + i], arguments, i) for i in range(arguments.spatial)]
    if margin is not None and margin != value:
        x, pads = padded(x, pads, margin), ((0, 0),) * len(pads)
    ends = [
        side
        for (a, b), more in zip(pads, beyond, strict=True)
        for side in (more if known(b, 0) else b + more, a)
    ]
    return F.pad(x, tuple(reversed(ends)), value=value)


def _beyond(size: int, arguments: PoolArguments, dim: int) -> int:
    """How far the last window reaches beyond the padded input; it has to start inside of it."""
    k, s = arguments.kernel[dim], arguments.stride[dim]
    p, d = arguments.padding[dim], arguments.dilation[dim]
    span = d * (k - 1) + 1
    more = (span - size) % s if known(p, 0) else (span - size - 2 * p) % s
    if p + s - 1 >= span and int(more) + p >= span:  # a window of padding only is left out
        return more - s
    return more
