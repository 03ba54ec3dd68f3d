"""Contractions that an equation describes: einsum, and what is an einsum under another name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import einops
from einops import rearrange
from torch import Tensor

from unfoldify.notes import remark
from unfoldify.rules.checks import check_dtypes, check_numbers, shape_of
from unfoldify.rules.contraction import aligned, as_matmul, summed_dims
from unfoldify.rules.equations import DOTS, Equation, expand, parse
from unfoldify.rules.rule import Style, check_style

Axes = tuple[str, ...]


def einsum(*args: Any, path: Any = None, style: Style = "product") -> Tensor:
    """Any equation; operands one by one or in a list, or each with a list of axis numbers.

    In the product style, operands are multiplied from left to right (whatever `path` proposes), and
    every axis is summed as soon as nothing needs it any more.
    """
    check_style(style)
    equation, operands = arguments_of(args)
    parsed = parse(equation, [shape_of(x) for x in operands])
    return contracted(parsed, operands, style)


def named_einsum(*args: Any, style: Style = "product") -> Tensor:
    """einops' einsum: any number of operands, then a pattern whose axes have names."""
    check_style(style)
    *operands, pattern = args
    left, _, right = pattern.partition("->")
    equation = Equation(
        tuple(tuple(term.split()) for term in left.split(",")), tuple(right.split())
    )
    return contracted(equation, operands, style)


def contracted(equation: Equation, operands: Sequence[Tensor], style: Style) -> Tensor:
    """The sum of products that `equation` describes."""
    names = {f"operand {i}": x for i, x in enumerate(operands)}
    if len(operands) > 1 and any(_summed(equation)):
        check_dtypes("einsum", **names)
        check_numbers("einsum", *operands)
    if style == "einsum" and len(operands) > 1 and not as_matmul(operands[0]):
        terms = ", ".join(" ".join(term) for term in equation.operands)
        x: Tensor = einops.einsum(*operands, f"{terms} -> {' '.join(equation.result)}")  # type: ignore[call-overload]
        return x
    if not _plain_dots(equation, [x.dim() for x in operands]):
        equation = expand(equation, [x.dim() for x in operands])
    return _multiplied(equation, operands)


def _multiplied(equation: Equation, operands: Sequence[Tensor]) -> Tensor:
    """The operands one after the other."""
    later = [
        set().union(equation.result, *equation.operands[i + 1 :]) for i in range(len(operands))
    ]
    x, names = _diagonal(operands[0], equation.operands[0])
    x, names = _reduced(x, names, later[0])
    for y, term, needed in zip(operands[1:], equation.operands[1:], later[1:], strict=True):
        y, y_names = _diagonal(y, term)
        y, y_names = _reduced(y, y_names, needed | set(names))
        x, names = _product(x, names, y, y_names, needed, equation.result)
    if names != equation.result:
        x = rearrange(x, f"{' '.join(names)} -> {' '.join(equation.result)}")
    return x


def _product(
    x: Tensor, x_names: Axes, y: Tensor, y_names: Axes, needed: set[str], result: Axes
) -> tuple[Tensor, Axes]:
    """`x * y`, summed over the axes that nothing needs any more."""
    own = set(x_names) | set(y_names)
    names = in_order(tuple(name for name in result if name in own), x_names, y_names)
    order = " ".join(names)
    over = tuple(name for name in names if name not in needed)
    x_axes, y_axes = " ".join(x_names), " ".join(y_names)
    if aligned(x_axes, order) != x_axes:
        x = rearrange(x, f"{x_axes} -> {aligned(x_axes, order)}")
    if aligned(y_axes, order) != y_axes:
        y = rearrange(y, f"{y_axes} -> {aligned(y_axes, order)}")
    if over:
        dims = summed_dims(order, " ".join(over))
        x = (x * y).sum(dim=dims if len(dims) > 1 else dims[0], **as_matmul(x))
        remark(x, f"over {', '.join(over)}")
    else:
        x = x * y
    return x, tuple(name for name in names if name in needed)


def in_order(*sequences: Axes) -> Axes:
    """All axes once, in an order that each sequence keeps where those before it leave it free."""
    names = list(dict.fromkeys(name for sequence in sequences for name in sequence))
    after: dict[str, set[str]] = {name: set() for name in names}

    def follows(a: str, b: str) -> bool:
        return a in after[b] or any(follows(a, c) for c in after[b])

    for sequence in sequences:
        for a, b in pairwise(sequence):
            if a != b and not follows(a, b):
                after[a].add(b)
    order: list[str] = []
    while names:
        behind = set().union(*(after[name] for name in names))
        first = next(name for name in names if name not in behind)
        order.append(first)
        names.remove(first)
    return tuple(order)


def _diagonal(x: Tensor, names: Axes) -> tuple[Tensor, Axes]:
    """An axis that occurs twice in one operand is a walk along the diagonal."""
    for name in dict.fromkeys(names):
        while names.count(name) > 1:
            first = names.index(name)
            second = names.index(name, first + 1)
            x = x.diagonal(dim1=first, dim2=second)
            others = (n for i, n in enumerate(names) if i not in (first, second))
            names = (*others, name)
    return x, names


def _reduced(x: Tensor, names: Axes, needed: set[str]) -> tuple[Tensor, Axes]:
    """The sum over the axes that nothing but this operand has."""
    over = tuple(name for name in names if name not in needed)
    if not over:
        return x, names
    if len(over) == len(names):
        x = x.sum()
    else:
        dims = summed_dims(" ".join(names), " ".join(over))
        x = x.sum(dim=dims if len(dims) > 1 else dims[0])
    remark(x, f"over {', '.join(over)}")
    return x, tuple(name for name in names if name in needed)


def _summed(equation: Equation) -> set[str]:
    return set().union(*equation.operands) - set(equation.result)


def _plain_dots(equation: Equation, ranks: Sequence[int]) -> bool:
    """Whether `...` can stay: it stands in front, is in the result, and no axis occurs twice."""
    terms = [*equation.operands, equation.result]
    if not any(DOTS in term for term in terms):
        return True
    in_front = all(DOTS not in term[1:] for term in terms)
    distinct = all(len(set(term)) == len(term) for term in terms)
    return in_front and distinct and DOTS in equation.result


def arguments_of(args: tuple[Any, ...]) -> tuple[str, list[Tensor]]:
    """The equation and the operands of any of the three ways to call einsum."""
    if isinstance(args[0], str):
        operands = args[1] if len(args) == 2 and isinstance(args[1], (list, tuple)) else args[1:]
        return args[0], list(operands)
    pairs = len(args) // 2
    terms = [_letters(args[2 * i + 1]) for i in range(pairs)]
    equation = ",".join(terms)
    if len(args) % 2:
        equation += "->" + _letters(args[-1])
    return equation, [args[2 * i] for i in range(pairs)]


def _letters(numbers: Sequence[Any]) -> str:
    """[0, ..., 27] → "A...b", as torch counts."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    return "".join(DOTS if number is Ellipsis else alphabet[number] for number in numbers)
