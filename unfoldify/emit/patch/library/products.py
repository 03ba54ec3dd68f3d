# mypy: ignore-errors
"""Linear layers and products of matrices."""

from einops import einsum, rearrange

from .switches import PRODUCT, VECTORS


def linear(x, weight, bias=None):
    """`... i, o i -> ... o`"""
    if PRODUCT:
        w = rearrange(weight, "o i -> i o")
        x = (rearrange(x, "... i -> ... i 1") * w).sum(dim=-2)  # over i
    else:
        x = einsum(x, weight, "... i, o i -> ... o")
    return x if bias is None else x + bias


def bilinear(x1, x2, weight, bias=None):
    """`... i1, ... i2, o i1 i2 -> ... o`"""
    if PRODUCT:
        x = rearrange(x1, "... i1 -> ... 1 i1 1") * rearrange(x2, "... i2 -> ... 1 1 i2")
        x = (x * weight).sum(dim=(-2, -1))  # over i1, i2
    else:
        x = einsum(x1, weight, x2, "... i1, o i1 i2, ... i2 -> ... o")
    return x if bias is None else x + bias


def matmul(a, b):
    """`... m n, ... n p -> ... m p`; a vector has only the axis n"""
    if VECTORS and b.dim() == 1:
        return (a * b).sum(dim=-1)  # over n
    if VECTORS and a.dim() == 1:
        return (rearrange(a, "n -> n 1") * b).sum(dim=-2)  # over n
    if PRODUCT:
        a = rearrange(a, "... m n -> ... m n 1")
        b = rearrange(b, "... n p -> ... 1 n p")
        x = (a * b).sum(dim=-2)  # over n
    else:
        x = einsum(a, b, "... m n, ... n p -> ... m p")
    return x
