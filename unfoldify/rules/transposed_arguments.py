"""The hyper-parameters of a transposed convolution, one `Extent` for each spatial dimension."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from unfoldify.rules.checks import check, check_dtypes, check_rank, shape_of, spelled
from unfoldify.rules.conv_arguments import Size, check_bias, per_dimension, reach
from unfoldify.rules.sizes import is_open, sizes, whole


@dataclass(frozen=True)
class Extent:
    """One spatial dimension; its numbers are open where they follow a model's input."""

    kernel: int
    stride: int
    dilation: int
    padding: int
    output_padding: int

    @property
    def is_open(self) -> bool:
        """Whether it takes other inputs to tell how many tiles there are."""
        return any(map(is_open, (self.kernel, self.stride, self.dilation)))

    @property
    def reach(self) -> int:
        """How far the last element of the kernel is from its first."""
        return reach(self.kernel, self.dilation)

    @property
    def span(self) -> int:
        """What one pixel of the input reaches in the result."""
        return self.reach + 1

    @property
    def spread(self) -> bool:
        """Whether zeros must go between the kernel's elements to cut it into tiles."""
        return self.stride > 1 and self.dilation > 1 and self.kernel > 1

    @property
    def length(self) -> int:
        """The length of the kernel axis in the product."""
        return self.kernel * self.dilation if self.spread else self.kernel

    @property
    def tiles(self) -> int:
        """How many tiles overlap at one place: with stride 1, each element is one."""
        return -(-self.length // self.stride)

    @property
    def step(self) -> int:
        """How far apart the tiles start."""
        return self.stride if self.stride > 1 else self.dilation

    @property
    def fill(self) -> int:
        """What the kernel axis lacks to be whole tiles."""
        return self.tiles * self.stride - self.length

    @property
    def rest(self) -> int:
        """What the tiles reach beyond the result, before anything is cropped for output_padding."""
        beyond = self.tiles * self.stride if self.stride > 1 else self.span
        return beyond - self.span + self.padding


@dataclass(frozen=True)
class TransposedArguments:
    """The arguments of a call."""

    function: str
    extents: tuple[Extent, ...]
    groups: int

    @property
    def spatial(self) -> int:
        return len(self.extents)


def transposed_arguments(
    function: str,
    spatial: int,
    weight: Tensor,
    stride: Size,
    padding: Size,
    output_padding: Size,
    groups: int,
    dilation: Size,
) -> TransposedArguments:
    """The arguments of a call, checked and normalised."""
    check_rank(function, "weight", weight, spatial + 2)
    check(groups >= 1, function, f"groups should be at least 1, it is {groups}")
    strides = per_dimension(function, "stride", stride, spatial, at_least=1)
    pads = per_dimension(function, "padding", padding, spatial, at_least=0)
    extra = per_dimension(function, "output_padding", output_padding, spatial, at_least=0)
    dilations = per_dimension(function, "dilation", dilation, spatial, at_least=1)
    kernel = sizes(weight)[2:]
    check(min(kernel) >= 1, function, f"weight ({spelled(shape_of(weight))}) has an empty kernel")
    numbers = zip(kernel, strides, dilations, pads, extra, strict=True)
    return TransposedArguments(function, tuple(Extent(*each) for each in numbers), whole(groups))


def check_transposed(
    x: Tensor, weight: Tensor, bias: Tensor | None, arguments: TransposedArguments
) -> None:
    """Raises where input, weight, bias and the numbers do not fit together."""
    function, groups, spatial = arguments.function, int(arguments.groups), arguments.spatial
    check_rank(function, "input", x, spatial + 1, spatial + 2)
    check_dtypes(function, input=x, weight=weight, bias=bias)
    x_shape, w_shape = shape_of(x), shape_of(weight)
    check(
        w_shape[0] % groups == 0,
        function,
        f"weight ({spelled(w_shape)}) should have a multiple of groups={groups} in dimension 0, "
        f"it has {w_shape[0]}",
    )
    channels = x_shape[-spatial - 1]
    check(
        channels == w_shape[0],
        function,
        f"input ({spelled(x_shape)}) should have {w_shape[0]} channels for weight "
        f"({spelled(w_shape)}), it has {channels}",
    )
    check_bias(function, bias, w_shape[1] * groups)
    for n, extent in zip(x_shape[-spatial:], arguments.extents, strict=True):
        _check_extent(function, n, extent)


def _check_extent(function: str, n: int, extent: Extent) -> None:
    numbers = extent.kernel, extent.stride, extent.dilation, extent.padding, extent.output_padding
    kernel, stride, dilation, padding, output_padding = map(int, numbers)
    check(
        output_padding < max(stride, dilation),
        function,
        f"output_padding should be smaller than stride or dilation, it is {output_padding}, "
        f"they are {stride} and {dilation}",
    )
    size = (n - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 + output_padding
    check(
        size >= 1,
        function,
        f"padding ({padding}) leaves nothing of an input of {n}: the result would be {size} long",
    )
