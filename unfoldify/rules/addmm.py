# ruff: noqa: A002  (torch calls it `input`)
"""Matrix products with a summand: `beta * input + alpha * (a @ b)`."""

from __future__ import annotations

from torch import Tensor

from unfoldify.rules.checks import check, check_dtypes, shape_of, spelled
from unfoldify.rules.into import into
from unfoldify.rules.matmul import bmm, mm
from unfoldify.rules.rule import Style

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


def _added(function: str, input: Tensor, x: Tensor, beta: Number, alpha: Number) -> Tensor:
    """`beta * input + alpha * x`; with beta=0 nothing of `input` counts, not even NaN."""
    check_dtypes(function, input=input, product=x)
    wanted, found = shape_of(x), shape_of(input)
    pairs = zip(reversed(wanted), reversed(found), strict=False)
    check(
        len(found) <= len(wanted) and all(n in (m, 1) for m, n in pairs),
        function,
        f"input ({spelled(found)}) should broadcast to the product ({spelled(wanted)})",
    )
    _check_factors(function, x, beta=beta, alpha=alpha)
    if alpha != 1:
        x = alpha * x
    if beta == 0:
        return x
    return input + x if beta == 1 else beta * input + x


def _check_factors(function: str, x: Tensor, **factors: Number) -> None:
    for name, factor in factors.items():
        check(
            x.is_floating_point() or x.is_complex() or isinstance(factor, int),
            function,
            f"for integer tensors, {name} should be an integer, it is {factor}",
        )
