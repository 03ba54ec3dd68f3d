# ruff: noqa: A002  (torch calls it `input`)
"""Linear layers: a sum over the input features."""

from __future__ import annotations

from einops import einsum, rearrange
from torch import Tensor

from unfoldify.notes import remark
from unfoldify.rules.checks import check, check_dtypes, check_numbers, shape_of, spelled
from unfoldify.rules.contraction import as_matmul, axes, leading
from unfoldify.rules.rule import Style, check_style


def linear(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, *, style: Style = "product"
) -> Tensor:
    """`... i, o i -> ... o`"""
    check_style(style)
    return spelled_linear(input, weight, bias, leading(input.dim() - 1), style)


def spelled_linear(
    input: Tensor, weight: Tensor, bias: Tensor | None, lead: str, style: Style
) -> Tensor:
    """`linear` for an input whose axes are `lead` and i"""
    _check_linear(input, weight, bias)
    if weight.dim() == 1:  # one output feature, without an axis of its own
        x = (input * weight).sum(dim=-1, **as_matmul(input))
        remark(x, "over i")
    elif style == "einsum":
        x = einsum(input, weight, f"{axes(lead, 'i')}, o i -> {axes(lead, 'o')}")
    else:
        w = rearrange(weight, "o i -> i o")
        x = (rearrange(input, f"{axes(lead, 'i')} -> {axes(lead, 'i 1')}") * w).sum(
            dim=-2, **as_matmul(input)
        )
        remark(x, "over i")
    if bias is None:
        return x
    return x + bias


def _check_linear(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    check(weight.dim() in (1, 2), "linear", f"weight should be `o i`, it is {_shape(weight)}")
    check(input.dim() > 0, "linear", "input should have features, it is a scalar")
    check(
        int(input.shape[-1]) == int(weight.shape[-1]),
        "linear",
        f"input ({_shape(input)}) should have the {int(weight.shape[-1])} features that weight "
        f"({_shape(weight)}) takes, it has {int(input.shape[-1])}",
    )
    check_dtypes("linear", input=input, weight=weight, bias=bias)
    check_numbers("linear", input)


def _shape(x: Tensor) -> str:
    return spelled(shape_of(x))
