# ruff: noqa: A002  (torch calls it `input`)
"""Matrix products with a summand: `beta * input + alpha * (a @ b)`."""

from __future__ import annotations

import torch
from einops import einsum, rearrange
from torch import Tensor

from unfoldify.notes import remark
from unfoldify.rules.checks import check, check_dtypes, check_rank, shape_of, spelled
from unfoldify.rules.contraction import as_matmul
from unfoldify.rules.into import into
from unfoldify.rules.matmul import bmm, check_batches, mm, mv
from unfoldify.rules.rule import Style, check_style

Number = complex  # int, float or complex: what torch takes for a factor


def addmm(
    input: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Tensor | None = None,
    style: Style = "product",
) -> Tensor:
    """`m n, n p -> m p`, and a summand that broadcasts to it"""
    x = mm(mat1, mat2, style=style)
    return into(out, _added("addmm", input, x, beta, alpha))


def baddbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Tensor | None = None,
    style: Style = "product",
) -> Tensor:
    """`b m n, b n p -> b m p`, and a summand that broadcasts to it"""
    x = bmm(batch1, batch2, style=style)
    return into(out, _added("baddbmm", input, x, beta, alpha))


def addbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Tensor | None = None,
    style: Style = "product",
) -> Tensor:
    """`b m n, b n p -> m p`, and a summand that broadcasts to it"""
    check_style(style)
    check_batches("addbmm", batch1, batch2, "batch1", "batch2")
    if style == "einsum":
        x = einsum(batch1, batch2, "b m n, b n p -> m p")
    else:
        a = rearrange(batch1, "b m n -> b m n 1")
        b = rearrange(batch2, "b n p -> b 1 n p")
        x = (a * b).sum(dim=(0, 2), **as_matmul(a))
        remark(x, "over b, n")
    return into(out, _added("addbmm", input, x, beta, alpha))


def addmv(
    input: Tensor,
    mat: Tensor,
    vec: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Tensor | None = None,
    style: Style = "product",
) -> Tensor:
    """`m n, n -> m`, and a summand that broadcasts to it"""
    x = mv(mat, vec, style=style)
    return into(out, _added("addmv", input, x, beta, alpha))


def addr(
    input: Tensor,
    vec1: Tensor,
    vec2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Tensor | None = None,
    style: Style = "product",
) -> Tensor:
    """`m, p -> m p`, and a summand that broadcasts to it"""
    check_style(style)
    check_rank("addr", "vec1", vec1, 1)
    check_rank("addr", "vec2", vec2, 1)
    x = rearrange(vec1, "m -> m 1") * vec2
    return into(out, _added("addr", input, x, beta, alpha))


def _added(function: str, input: Tensor, x: Tensor, beta: Number, alpha: Number) -> Tensor:
    """`beta * input + alpha * x`; with beta=0 nothing of `input` counts, not even NaN."""
    if function != "addr":  # which promotes
        check_dtypes(function, input=input, product=x)
    wanted, found = shape_of(x), shape_of(input)
    pairs = zip(reversed(wanted), reversed(found), strict=False)
    check(
        len(found) <= len(wanted) and all(n in (m, 1) for m, n in pairs),
        function,
        f"input ({spelled(found)}) should broadcast to the product ({spelled(wanted)})",
    )
    dtype = torch.promote_types(input.dtype, x.dtype)
    beta, alpha = _factor(function, "beta", beta, dtype), _factor(function, "alpha", alpha, dtype)
    if alpha != 1:
        x = alpha * x
    if beta == 0:
        return x
    if beta == 1:
        return input + x
    return beta * input + x


def _factor(function: str, name: str, factor: Number, dtype: torch.dtype) -> Number:
    """The factor as torch takes it: a number of the tensors' kind."""
    if dtype.is_floating_point or dtype.is_complex or isinstance(factor, int):
        return bool(factor) if dtype == torch.bool else factor
    check(
        function != "addr" and isinstance(factor, float),
        function,
        f"{name} should be an integer for tensors of {dtype}, it is {factor}",
    )
    return int(factor.real)
