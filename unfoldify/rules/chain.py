# ruff: noqa: A002  (torch calls it `input`)
"""Several matrix products in a row: multi_dot, chain_matmul, matrix_power."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from unfoldify.rules.checks import check, shape_of, spelled
from unfoldify.rules.into import into
from unfoldify.rules.matmul import matmul
from unfoldify.rules.rule import Style, check_style

Order = int | tuple["Order", "Order"]


def multi_dot(
    tensors: Sequence[Tensor], *, out: Tensor | None = None, style: Style = "product"
) -> Tensor:
    """`m n, n p, p q -> m q`, in the order that costs least; the ends may be vectors"""
    check_style(style)
    shapes = [shape_of(x) for x in tensors]
    check(len(shapes) >= 2, "multi_dot", f"tensors should be at least 2, they are {len(shapes)}")
    for position, shape in enumerate(shapes):
        ends = (1, 2) if position in (0, len(shapes) - 1) else (2,)
        check(
            len(shape) in ends,
            "multi_dot",
            f"tensor {position} should have {' or '.join(map(str, ends))} dimensions, "
            f"it is {spelled(shape)}",
        )
    sizes = _sizes(shapes)
    return into(out, _multiplied(list(tensors), cheapest(tuple(sizes)), style))


def chain_matmul(*matrices: Tensor, out: Tensor | None = None, style: Style = "product") -> Tensor:
    """`m n, n p, p q -> m q`; one matrix is its own product"""
    if len(matrices) == 1:
        return into(out, matrices[0])
    return multi_dot(matrices, out=out, style=style)


def matrix_power(
    input: Tensor, n: int, *, out: Tensor | None = None, style: Style = "product"
) -> Tensor:
    """`m m -> m m`, by squaring; a negative power is one of the inverse"""
    check_style(style)
    shape = shape_of(input)
    check(
        len(shape) >= 2 and shape[-1] == shape[-2],
        "matrix_power",
        f"input should be square matrices, it is {spelled(shape)}",
    )
    if n == 0:
        identity = input.new_ones(input.shape[-1]).diag()
        return into(out, identity.expand_as(input).clone())
    x = torch.linalg.inv(input) if n < 0 else input
    return into(out, _power(x, abs(n), style))


def _power(x: Tensor, n: int, style: Style) -> Tensor:
    """The n-th power for n of at least 1."""
    if n == 1:
        return x
    half = _power(x, n // 2, style)
    square = matmul(half, half, style=style)
    return matmul(square, x, style=style) if n % 2 else square


def _sizes(shapes: Sequence[tuple[int, ...]]) -> list[int]:
    """m, n, p, q of a chain: a vector is a row at its beginning and a column at its end."""
    rows = [shape[0] for shape in shapes]
    columns = [shape[-1] for shape in shapes]
    if len(shapes[0]) == 1:
        rows[0] = 1
    if len(shapes[-1]) == 1:
        columns[-1] = 1
    for position, (n, m) in enumerate(zip(columns, rows[1:], strict=False)):
        check(
            n == m,
            "multi_dot",
            f"tensors {position} ({spelled(shapes[position])}) and {position + 1} "
            f"({spelled(shapes[position + 1])}) cannot be multiplied: {n} and {m}",
        )
    return [*rows, columns[-1]]


@lru_cache(maxsize=256)
def cheapest(sizes: tuple[int, ...]) -> Order:
    """In which order to multiply matrices of sizes m n, n p, p q: ((0, 1), 2) for two steps."""
    best: dict[tuple[int, int], tuple[int, Order]] = {(i, i): (0, i) for i in range(len(sizes) - 1)}
    for length in range(2, len(sizes)):
        for i in range(len(sizes) - length):
            j = i + length - 1
            splits = []
            for k in range(i, j):
                (left_cost, left), (right_cost, right) = best[i, k], best[k + 1, j]
                step = sizes[i] * sizes[k + 1] * sizes[j + 1]
                splits.append((left_cost + right_cost + step, k, (left, right)))
            cost, _, order = min(splits, key=lambda split: split[:2])
            best[i, j] = cost, order
    return best[0, len(sizes) - 2][1]


def _multiplied(tensors: list[Tensor], order: Order, style: Style) -> Tensor:
    if isinstance(order, int):
        return tensors[order]
    left, right = (_multiplied(tensors, part, style) for part in order)
    return matmul(left, right, style=style)
