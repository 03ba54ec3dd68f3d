# ruff: noqa: A002  (torch calls it `input`)
"""Covariance and correlation: products of variables, summed over the observations."""

from __future__ import annotations

import torch
from einops import einsum, rearrange
from torch import Tensor

from unfoldify.notes import listener, moves, remark
from unfoldify.rules.checks import check, shape_of, spelled
from unfoldify.rules.rule import Decline, Style, check_style


def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
    style: Style = "product",
) -> Tensor:
    """`i n -> i i`, for i variables and n observations, which may be weighted"""
    x = _covariances(input, correction, fweights, aweights, style)
    return x.squeeze() if 1 in shape_of(x) else x


def corrcoef(input: Tensor, *, style: Style = "product") -> Tensor:
    """`i n -> i i`, the covariances over the deviations"""
    c = _covariances(input, 1, None, None, style)
    if 1 in shape_of(c):
        return _with_itself(input, c)
    deviation = c.diagonal()
    if c.is_complex():
        deviation = deviation.real
    deviation = deviation.sqrt()
    c = c / rearrange(deviation, "i -> i 1") / deviation
    if c.is_complex():
        return torch.complex(c.real.clamp(-1, 1), c.imag.clamp(-1, 1))
    return c.clamp(-1, 1)


def _with_itself(x: Tensor, c: Tensor) -> Tensor:
    """The correlation of a single variable with itself: one, whose gradient is exactly zero."""
    if x.dim() == 2 and moves(x, 0):
        raise Decline("one variable has a scalar and several have a matrix; here there was one")
    c = c.squeeze()
    return c / c


def _covariances(
    input: Tensor,
    correction: int,
    fweights: Tensor | None,
    aweights: Tensor | None,
    style: Style,
) -> Tensor:
    """`i n -> i i`, a matrix even of a single variable"""
    check_style(style)
    check(
        input.dim() <= 2,
        "cov",
        f"input should have at most 2 dimensions, it is {spelled(shape_of(input))}",
    )
    x = input if input.dim() == 2 else rearrange(input, "... -> 1 (...)")
    if not x.is_floating_point() and not x.is_complex():
        x = x.to(torch.get_default_dtype())
    _check_weights("fweights", fweights, shape_of(x)[1])
    _check_weights("aweights", aweights, shape_of(x)[1])
    w, norm = _weights(x, correction, fweights, aweights)
    mean = x.mean(dim=1, keepdim=True)
    if w is not None:
        mean = (x * w).sum(dim=1, keepdim=True) / w.sum()
    x = x - mean
    y = x.conj() if x.is_complex() else x
    if w is not None:
        y = y * w
    if style == "einsum":
        x = einsum(x, y, "i n, j n -> i j")
    else:
        x = (rearrange(x, "i n -> i 1 n") * y).sum(dim=-1)
        remark(x, "over n")
    return x / norm


def _check_weights(name: str, w: Tensor | None, count: int) -> None:
    """Raises unless there is one weight for each observation, and none of them negative."""
    if w is None:
        return
    shape = spelled(shape_of(w))
    check(w.dim() < 2, "cov", f"{name} should have at most 1 dimension, it is {shape}")
    check(
        w.numel() == count,
        "cov",
        f"{name} should have {count} elements, one for each observation, it is {shape}",
    )
    whole = not w.is_floating_point() and not w.is_complex()
    if name == "fweights":
        check(whole, "cov", f"fweights should be integers, they are {w.dtype}")
    else:
        check(not whole, "cov", f"aweights should be floating point, they are {w.dtype}")
    if listener.get() is None and not torch._C._functorch.is_functorch_wrapped_tensor(w):
        check(not bool((w < 0).any()), "cov", f"{name} should not be negative, they are {w}")


def _weights(
    x: Tensor, correction: int, fweights: Tensor | None, aweights: Tensor | None
) -> tuple[Tensor | None, Tensor | float]:
    """The weight of each observation, and what the sum of products is divided by."""
    if fweights is None and aweights is None:
        return None, max(x.shape[1] - correction, 0)
    if aweights is None:
        w = fweights
    else:
        w = aweights if fweights is None else fweights * aweights
    assert w is not None
    total = w.sum()
    if aweights is None or correction == 0:
        norm = total - correction
    else:
        norm = total - correction * (w * aweights).sum() / total
    return w, norm.clamp(min=0)
