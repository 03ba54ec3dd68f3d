# ruff: noqa: A002  (torch calls it `input`)
"""Products of vectors and of tensors: outer, inner, vecdot, vdot, tensordot, kron, bilinear."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

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
from unfoldify.rules.contraction import aligned, as_matmul, axes, leading
from unfoldify.rules.einsum import contracted
from unfoldify.rules.equations import Equation
from unfoldify.rules.into import into
from unfoldify.rules.rule import Style, check_style

Dims = int | Tensor | Sequence[Any]


def outer(
    input: Tensor, vec2: Tensor, *, out: Tensor | None = None, style: Style = "product"
) -> Tensor:
    """`m, p -> m p`"""
    check_style(style)
    check_rank("outer", "input", input, 1)
    check_rank("outer", "vec2", vec2, 1)
    if style == "einsum" and input.dtype == vec2.dtype:
        return into(out, einsum(input, vec2, "m, p -> m p"))
    return into(out, rearrange(input, "m -> m 1") * vec2)


def inner(
    input: Tensor, other: Tensor, *, out: Tensor | None = None, style: Style = "product"
) -> Tensor:
    """`m n, p n -> m p`, for any number of m and p"""
    check_style(style)
    if input.dim() == 0 or other.dim() == 0:
        return into(out, input * other)
    check_size("inner", "other", other, -1, input.shape[-1], "the last dimension of input")
    m, p = numbered("m", input.dim() - 1), numbered("p", other.dim() - 1)
    equation = Equation(((*m, "n"), (*p, "n")), (*m, *p))
    return into(out, contracted(equation, [input, other], style))


def vdot(
    input: Tensor, other: Tensor, *, out: Tensor | None = None, style: Style = "product"
) -> Tensor:
    """`n, n ->`, the first of them conjugated"""
    check_style(style)
    check_rank("vdot", "input", input, 1)
    check_rank("vdot", "other", other, 1)
    check_size("vdot", "other", other, 0, input.shape[0], "the length of input")
    return into(out, vecdot(input, other, style=style))


def vecdot(
    x: Tensor,
    y: Tensor,
    *,
    dim: int = -1,
    out: Tensor | None = None,
    style: Style = "product",
) -> Tensor:
    """`... n, ... n -> ...`, the first of them conjugated; `dim` says where n is"""
    check_style(style)
    check_dtypes("vecdot", x=x, y=y)
    check_numbers("vecdot", x)
    _check_vectors(x, y, dim)
    if x.is_complex():
        x = x.conj()
    if style == "einsum" and dim == -1:
        return into(out, einsum(x, y, "... n, ... n -> ..."))
    x = (x * y).sum(dim=dim, **as_matmul(x))
    return into(out, remark(x, "over n"))


def _check_vectors(x: Tensor, y: Tensor, dim: int) -> None:
    for name, vectors in (("x", x), ("y", y)):
        rank = vectors.dim()
        check(
            -rank <= dim < rank,
            "vecdot",
            f"dim should be a dimension of {name} ({spelled(shape_of(vectors))}), it is {dim}",
        )
    n, m = shape_of(x)[dim], shape_of(y)[dim]
    check(n == m or 1 in (n, m), "vecdot", f"x and y have {n} and {m} elements in dimension {dim}")


def tensordot(
    a: Tensor,
    b: Tensor,
    dims: Dims = 2,
    out: Tensor | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """`m n, n p -> m p`, for any number of m, n and p"""
    check_style(style)
    dims_a, dims_b = _paired(a, b, dims)
    n = numbered("n", len(dims_a))
    m, p = numbered("m", a.dim() - len(n)), numbered("p", b.dim() - len(n))
    a_names, b_names = _placed(a.dim(), dims_a, n, m), _placed(b.dim(), dims_b, n, p)
    x = contracted(Equation((a_names, b_names), (*m, *p)), [a, b], style)
    return into(out, x)


def tensordot_over(
    a: Tensor,
    b: Tensor,
    dims_a: Sequence[int],
    dims_b: Sequence[int],
    *,
    style: Style = "product",
) -> Tensor:
    """`tensordot` with its dimensions as two arguments"""
    return tensordot(a, b, (dims_a, dims_b), style=style)


def numbered(name: str, count: int) -> tuple[str, ...]:
    """One axis keeps its name, several are numbered: m1, m2, m3."""
    return (name,) if count == 1 else tuple(f"{name}{i + 1}" for i in range(count))


def _placed(
    rank: int, dims: list[int], summed: Sequence[str], free: Sequence[str]
) -> tuple[str, ...]:
    others = iter(free)
    return tuple(summed[dims.index(d)] if d in dims else next(others) for d in range(rank))


def _paired(a: Tensor, b: Tensor, dims: Dims) -> tuple[list[int], list[int]]:
    """Which dimension of `a` is summed against which of `b`."""
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        count = int(dims)
        check(
            0 <= count <= min(a.dim(), b.dim()), "tensordot", f"dims should fit both, it is {count}"
        )
        first, second = list(range(a.dim() - count, a.dim())), list(range(count))
    else:
        first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    check(
        len(first) == len(second),
        "tensordot",
        f"dims should name as many dimensions of a as of b, not {len(first)} and {len(second)}",
    )
    for i, j in zip(first, second, strict=True):
        n, m = shape_of(a)[i], shape_of(b)[j]
        check(
            n == m or 1 in (n, m),
            "tensordot",
            f"dimension {i} of a ({spelled(shape_of(a))}) and {j} of b ({spelled(shape_of(b))}) "
            f"should be equal, they are {n} and {m}",
        )
    return [d % max(a.dim(), 1) for d in first], [d % max(b.dim(), 1) for d in second]


def kron(
    input: Tensor, other: Tensor, *, out: Tensor | None = None, style: Style = "product"
) -> Tensor:
    """`m n, p q -> (m p) (n q)`, for any number of dimensions"""
    check_style(style)
    rank = max(input.dim(), other.dim())
    m, p = numbered("m", rank)[rank - input.dim() :], numbered("p", rank)[rank - other.dim() :]
    pairs = list(zip_longest(reversed(m), reversed(p), fillvalue=""))[::-1]
    order = axes(*(axes(*pair) for pair in pairs))
    x, a_axes, b_axes = input, axes(*m), axes(*p)
    if aligned(a_axes, order) != a_axes:
        x = rearrange(x, f"{a_axes} -> {aligned(a_axes, order)}")
    if aligned(b_axes, order) != b_axes:
        other = rearrange(other, f"{b_axes} -> {aligned(b_axes, order)}")
    x = x * other
    merged = axes(*(f"({' '.join(pair)})" if all(pair) else axes(*pair) for pair in pairs))
    if merged != order:
        x = rearrange(x, f"{order} -> {merged}")
    return into(out, x)


def bilinear(
    input1: Tensor,
    input2: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """`... i1, ... i2, o i1 i2 -> ... o`"""
    check_style(style)
    _check_bilinear(input1, input2, weight, bias)
    lead = leading(input1.dim() - 1)
    if style == "einsum":
        terms = f"{axes(lead, 'i1')}, o i1 i2, {axes(lead, 'i2')}"
        x = einsum(input1, weight, input2, f"{terms} -> {axes(lead, 'o')}")
    else:
        x1 = rearrange(input1, f"{axes(lead, 'i1')} -> {axes(lead, '1 i1 1')}")
        x2 = rearrange(input2, f"{axes(lead, 'i2')} -> {axes(lead, '1 1 i2')}")
        x = (x1 * weight * x2).sum(dim=(-2, -1), **as_matmul(x1))
        remark(x, "over i1, i2")
    if bias is None:
        return x
    return x + bias


def _check_bilinear(x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    check_rank("bilinear", "weight", weight, 3)
    check(
        x1.dim() == x2.dim() and shape_of(x1)[:-1] == shape_of(x2)[:-1],
        "bilinear",
        f"input1 ({spelled(shape_of(x1))}) and input2 ({spelled(shape_of(x2))}) should differ in "
        "their last dimension only",
    )
    check_size("bilinear", "input1", x1, -1, weight.shape[1], "dimension 1 of weight")
    check_size("bilinear", "input2", x2, -1, weight.shape[2], "dimension 2 of weight")
    if bias is not None:
        check_size("bilinear", "bias", bias, 0, weight.shape[0], "dimension 0 of weight")
    check_dtypes("bilinear", input1=x1, input2=x2, weight=weight, bias=bias)
