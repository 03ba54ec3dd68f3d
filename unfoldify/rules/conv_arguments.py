"""The hyper-parameters of a convolution, as torch reads them, in one tuple each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from unfoldify.rules.checks import check, check_dtypes, check_rank, shape_of, spelled
from unfoldify.rules.sizes import is_whole, known, sizes, whole

Size = int | Sequence[int]


@dataclass(frozen=True)
class ConvArguments:
    """One entry per spatial dimension; `padding` is (before, after)."""

    function: str
    spatial: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int


def conv_arguments(
    function: str,
    spatial: int,
    weight: Tensor,
    stride: Size,
    padding: str | Size,
    dilation: Size,
    groups: int,
) -> ConvArguments:
    """The arguments of a call, checked and normalised."""
    check_rank(function, "weight", weight, spatial + 2)
    kernel = sizes(weight)[2:]
    strides = per_dimension(function, "stride", stride, spatial, at_least=1)
    dilations = per_dimension(function, "dilation", dilation, spatial, at_least=1)
    check(groups >= 1, function, f"groups should be at least 1, it is {groups}")
    check(min(kernel) >= 1, function, f"weight ({spelled(shape_of(weight))}) has an empty kernel")
    pads = _padding(function, spatial, kernel, strides, padding, dilations)
    return ConvArguments(function, spatial, kernel, strides, pads, dilations, whole(groups))


def per_dimension(
    function: str, name: str, value: Size, spatial: int, at_least: int
) -> tuple[int, ...]:
    """An int or a sequence as one number for each spatial dimension, open where it was."""
    if is_whole(value):
        numbers = (whole(value),) * spatial
    elif isinstance(value, Sequence) and all(is_whole(number) for number in value):
        numbers = tuple(whole(number) for number in value)
        numbers = numbers * spatial if len(numbers) == 1 else numbers
    else:
        raise TypeError(f"{function}: {name} should be an int or {spatial} ints, it is {value!r}")
    check(
        len(numbers) == spatial,
        function,
        f"{name} should be an int or {spatial} ints, it is {value!r}",
    )
    check(
        min(numbers) >= at_least, function, f"{name} should be at least {at_least}, it is {value}"
    )
    return numbers


def reach(k: int, dilation: int) -> int:
    """How far the last element of a kernel is from its first."""
    return k - 1 if known(dilation, 1) else dilation * (k - 1)


def _padding(
    function: str,
    spatial: int,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: str | Size,
    dilation: tuple[int, ...],
) -> tuple[tuple[int, int], ...]:
    """(before, after) for each dimension; where 'same' is uneven, the odd one comes after."""
    if not isinstance(padding, str):
        numbers = per_dimension(function, "padding", padding, spatial, at_least=0)
        return tuple((number, number) for number in numbers)
    check(
        padding in ("same", "valid"),
        function,
        f"padding should be 'same', 'valid' or numbers, it is {padding!r}",
    )
    if padding == "valid":
        return ((0, 0),) * spatial
    check(
        all(int(s) == 1 for s in stride),
        function,
        f"padding='same' goes with stride 1 only, stride is {stride}",
    )
    totals = [reach(k, d) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((total // 2, total - total // 2) for total in totals)


def check_convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments
) -> None:
    """Raises where input, weight and bias do not fit together."""
    function, spatial, groups = arguments.function, arguments.spatial, int(arguments.groups)
    check_rank(function, "input", x, spatial + 1, spatial + 2)
    check_dtypes(function, input=x, weight=weight, bias=bias)
    x_shape, w_shape = shape_of(x), shape_of(weight)
    check(
        w_shape[0] % groups == 0 and w_shape[0] >= groups,
        function,
        f"weight ({spelled(w_shape)}) should have a multiple of groups={groups} in dimension 0, "
        f"it has {w_shape[0]}",
    )
    channels = x_shape[-spatial - 1]
    check(
        channels == w_shape[1] * groups,
        function,
        f"input ({spelled(x_shape)}) should have {w_shape[1] * groups} channels for weight "
        f"({spelled(w_shape)}) with groups={groups}, it has {channels}",
    )
    check_bias(function, bias, w_shape[0])
    _check_extent(x_shape[-spatial:], arguments)


def check_bias(function: str, bias: Tensor | None, c_out: int) -> None:
    """Raises unless `bias` is `c_out`."""
    if bias is not None:
        found = shape_of(bias)
        check(
            found == (c_out,),
            function,
            f"bias should have {c_out} elements, one for each output channel, "
            f"its shape is {spelled(found)}",
        )


def _check_extent(extent: tuple[int, ...], arguments: ConvArguments) -> None:
    """Raises where the kernel is larger than the padded input."""
    pads = zip(extent, arguments.padding, strict=True)
    padded = tuple(n + int(before) + int(after) for n, (before, after) in pads)
    sides = zip(arguments.kernel, arguments.dilation, strict=True)
    spans = tuple(int(d) * (int(k) - 1) + 1 for k, d in sides)
    check(
        all(span <= n for span, n in zip(spans, padded, strict=True)),
        arguments.function,
        f"the kernel spans {spelled(spans)}, more than the padded input ({spelled(padded)})",
    )
