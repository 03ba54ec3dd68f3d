# ruff: noqa: A002  (torch calls it `input`)
"""Matrix products: `... m n, ... n p -> ... m p`, a sum over n."""

from __future__ import annotations

from einops import einsum, rearrange
from torch import Tensor

from unfoldify.notes import remark
from unfoldify.rules.checks import (
    check,
    check_dtypes,
    check_numbers,
    check_rank,
    check_size,
    shape_of,
    spelled,
)
from unfoldify.rules.contraction import as_matmul, axes, leading
from unfoldify.rules.into import into
from unfoldify.rules.rule import Style, check_style

BATCH = ("", "b")


def matmul(
    input: Tensor, other: Tensor, *, out: Tensor | None = None, style: Style = "product"
) -> Tensor:
    """`... m n, ... n p -> ... m p`; a vector has only the axis n."""
    check_style(style)
    _check_matmul("matmul", input, other)
    return into(out, product(input, other, style))


def product(a: Tensor, b: Tensor, style: Style) -> Tensor:
    """`matmul` of operands that were checked."""
    if style == "einsum":
        return _einsum(a, b)
    if b.dim() == 1:
        x = (a * b).sum(dim=-1, **as_matmul(a))
    elif a.dim() == 1:
        a = rearrange(a, "n -> n 1")
        x = (a * b).sum(dim=-2, **as_matmul(a))
    else:
        lead = leading(a.dim() - 2, BATCH)
        a = rearrange(a, f"{axes(lead, 'm n')} -> {axes(lead, 'm n 1')}")
        if b.dim() > 2:
            lead = leading(b.dim() - 2, BATCH)
            b = rearrange(b, f"{axes(lead, 'n p')} -> {axes(lead, '1 n p')}")
        x = (a * b).sum(dim=-2, **as_matmul(a))
    return remark(x, "over n")


def _einsum(a: Tensor, b: Tensor) -> Tensor:
    same = a.dim() == b.dim()
    a_axes = "n" if a.dim() == 1 else axes(leading(a.dim() - 2, BATCH if same else ("",)), "m n")
    b_axes = "n" if b.dim() == 1 else axes(leading(b.dim() - 2, BATCH if same else ("",)), "n p")
    lead = (*a_axes.split()[:-2], *b_axes.split()[:-2])[:1]
    m, p = "m" if a.dim() > 1 else "", "p" if b.dim() > 1 else ""
    return einsum(a, b, f"{a_axes}, {b_axes} -> {axes(*lead, m, p)}")


def mm(
    input: Tensor, mat2: Tensor, *, out: Tensor | None = None, style: Style = "product"
) -> Tensor:
    """`m n, n p -> m p`"""
    check_style(style)
    check_rank("mm", "input", input, 2)
    check_rank("mm", "mat2", mat2, 2)
    _check_matmul("mm", input, mat2, "mat2")
    return into(out, product(input, mat2, style))


def bmm(
    input: Tensor, mat2: Tensor, *, out: Tensor | None = None, style: Style = "product"
) -> Tensor:
    """`b m n, b n p -> b m p`"""
    check_style(style)
    check_batches("bmm", input, mat2, "input", "mat2")
    return into(out, product(input, mat2, style))


def check_batches(function: str, a: Tensor, b: Tensor, a_name: str, b_name: str) -> None:
    """Raises unless both are stacks of as many matrices that can be multiplied."""
    check_rank(function, a_name, a, 3)
    check_rank(function, b_name, b, 3)
    check_size(function, b_name, b, 0, a.shape[0], f"as many matrices as {a_name}")
    _check_matmul(function, a, b, b_name)


def mv(
    input: Tensor, vec: Tensor, *, out: Tensor | None = None, style: Style = "product"
) -> Tensor:
    """`m n, n -> m`"""
    check_style(style)
    check_rank("mv", "input", input, 2)
    check_rank("mv", "vec", vec, 1)
    _check_matmul("mv", input, vec, "vec")
    return into(out, product(input, vec, style))


def dot(
    input: Tensor, tensor: Tensor, *, out: Tensor | None = None, style: Style = "product"
) -> Tensor:
    """`n, n ->`"""
    check_style(style)
    check_rank("dot", "input", input, 1)
    check_rank("dot", "tensor", tensor, 1)
    _check_matmul("dot", input, tensor, "tensor")
    return into(out, product(input, tensor, style))


def rmatmul(self: Tensor, other: Tensor, *, style: Style = "product") -> Tensor:
    """`other @ self`, which Python asks of the right operand"""
    return matmul(other, self, style=style)


def _check_matmul(function: str, a: Tensor, b: Tensor, b_name: str = "other") -> None:
    a_shape, b_shape = shape_of(a), shape_of(b)
    for name, shape in (("input", a_shape), (b_name, b_shape)):
        check(bool(shape), function, f"{name} should have at least 1 dimension, it is a scalar")
    n = b_shape[-2] if len(b_shape) > 1 else b_shape[0]
    check(
        a_shape[-1] == n,
        function,
        f"the last dimension of input ({spelled(a_shape)}) should be the "
        f"{'last but one' if len(b_shape) > 1 else 'only one'} of {b_name} ({spelled(b_shape)}): "
        f"{a_shape[-1]} and {n}",
    )
    pairs = zip(reversed(a_shape[:-2]), reversed(b_shape[:-2]), strict=False)
    check(
        all(m == p or 1 in (m, p) for m, p in pairs),
        function,
        f"the leading dimensions of input ({spelled(a_shape)}) and {b_name} ({spelled(b_shape)}) "
        "should be equal or 1",
    )
    check_dtypes(function, input=a, **{b_name: b})
    check_numbers(function, a)
