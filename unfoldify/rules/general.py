# ruff: noqa: A002  (torch calls it `input`)
"""The convolutions that have no rank in their name: torch.convolution and conv_tbc."""

from __future__ import annotations

from typing import Any

from einops import rearrange
from torch import Tensor

from unfoldify.rules.checks import check, check_rank, shape_of, spelled
from unfoldify.rules.conv_arguments import Size
from unfoldify.rules.convolution import conv1d, conv2d, conv3d
from unfoldify.rules.rule import Style
from unfoldify.rules.transposed import conv_transpose1d, conv_transpose2d, conv_transpose3d

FORWARD = {3: conv1d, 4: conv2d, 5: conv3d}
TRANSPOSED = {3: conv_transpose1d, 4: conv_transpose2d, 5: conv_transpose3d}


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size,
    dilation: Size,
    transposed: bool,
    output_padding: Size,
    groups: int,
    *backend: Any,
    style: Style = "product",
) -> Tensor:
    """`conv1d` to `conv3d` or their transposes, by the rank of the weight; `backend` is ignored"""
    check(
        weight.dim() in FORWARD,
        "convolution",
        f"weight should have 3, 4 or 5 dimensions, it is {spelled(shape_of(weight))}",
    )
    if transposed:
        rule = TRANSPOSED[weight.dim()]
        return rule(
            input, weight, bias, stride, padding, output_padding, groups, dilation, style=style
        )
    return FORWARD[weight.dim()](
        input, weight, bias, stride, padding, dilation, groups, style=style
    )


def conv_tbc(
    input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0, *, style: Style = "product"
) -> Tensor:
    """`n_in b c_in, k c_in c_out -> n_out b c_out`"""
    check_rank("conv_tbc", "input", input, 3)
    check_rank("conv_tbc", "weight", weight, 3)
    x = rearrange(input, "n_in b c_in -> b c_in n_in")
    w = rearrange(weight, "k c_in c_out -> c_out c_in k")
    x = conv1d(x, w, bias, padding=pad, style=style)
    return rearrange(x, "b c_out n_out -> n_out b c_out")
