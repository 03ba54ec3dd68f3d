"""Numbers of a tensor as the shortest text that gives the same number again."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from unfoldify.emit.format import format_expression

from .bits import bits, same_bits

_INFERRED = (torch.float32, torch.int64, torch.bool, torch.complex64)
_RECOGNIZED = 6  # digits from which on a number is not read any more


def dtype_argument(dtype: torch.dtype) -> str:
    """`, dtype=torch.float64`, or nothing for what torch infers from Python's numbers."""
    return "" if dtype in _INFERRED else f", dtype={dtype}"


def dtype_argument_unless_float(dtype: torch.dtype) -> str:
    """The same where no number is given: `torch.ones(3, dtype=torch.bool)`."""
    return "" if dtype == torch.float32 else f", dtype={dtype}"


def number_text(number: Tensor, named: bool = False) -> str:
    """The text of a tensor's only number: `0.1`, `-1`, `True`, `1 + 2j`; `math.pi` if `named`."""
    value = number.item()
    if isinstance(value, complex):
        real, imaginary = torch.view_as_real(number).unbind()
        parts = complex(_short(real), _short(imaginary))
        return format_expression(ast.Constant(parts))
    if not isinstance(value, float):
        return repr(value)
    text = _text(number)
    digits = sum(character.isdigit() for character in text.partition("e")[0].strip("-0."))
    if not named or not math.isfinite(value) or digits < _RECOGNIZED:
        return text
    if value == torch.finfo(number.dtype).min and number.dtype != torch.float64:
        return f"torch.finfo({number.dtype}).min"
    for formula, near in _formulas(value):
        if same_bits(torch.tensor(near, dtype=number.dtype), number):
            return formula
    return text


def formula(value: float) -> ast.expr | None:
    """A well-known number as its formula: `32**-0.5`, `math.log(10000)`; None for any other.

    >>> ast.unparse(formula(32**-0.5))
    '32 ** (-0.5)'
    >>> formula(0.125) is formula(0.1767766952) is None
    True
    """
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for word in ("min", "max"):
            if value == getattr(torch.finfo(dtype), word):
                return ast.parse(f"torch.finfo({dtype}).{word}", mode="eval").body
    text = number_text(torch.tensor(value, dtype=torch.float64), named=True)
    tree = ast.parse(text, mode="eval").body
    return None if isinstance(tree, ast.Constant) else tree


def whole_text(number: Tensor) -> str:
    """The same, a whole number without its point: `0`, `-1`, `0.1`."""
    value = number.item()
    is_short = math.isfinite(value) and value == round(value) and abs(value) < 1e6
    is_short = is_short and bool(value or not bits(number))
    return repr(round(value)) if is_short else number_text(number)


def _text(number: Tensor) -> str:
    value = number.item()
    return repr(_short(number)) if math.isfinite(value) else f'float("{value}")'


def _short(number: Tensor) -> float:
    """The number of fewest digits that is the given one in its precision."""
    value = float(number.item())
    if not math.isfinite(value):
        return value
    shorter = (float(f"{value:.{digits}g}") for digits in range(1, 17))
    right = (each for each in shorter if same_bits(torch.tensor(each, dtype=number.dtype), number))
    return next(right, value)


def _formulas(value: float) -> Iterator[tuple[str, float]]:
    """Well-known numbers close to a value."""
    size, minus = abs(value), "-" if value < 0 else ""

    def signed(text: str, number: float) -> tuple[str, float]:
        return minus + text, -number if minus else number

    square = round(size**2) if size < 256 else 0
    inverse = round(size**-2) if size > 1 / 256 else 0
    if square > 1:
        yield signed(f"math.sqrt({square})", math.sqrt(square))
    if inverse > 1:
        yield signed(f"{inverse} ** -0.5", inverse**-0.5)
    turns = round(size / math.pi)
    if 1 < turns < 4096:
        yield signed(f"{turns} * math.pi", turns * math.pi)
    for name, number in _NAMED.items():
        if math.isclose(number, size, rel_tol=1e-3):
            yield signed(name, number)


_NAMED = {
    "math.pi / 2": math.pi / 2,
    "math.pi": math.pi,
    "math.log(2)": math.log(2),
    "math.log(10)": math.log(10),
    "math.log(100)": math.log(100),
    "math.log(10000)": math.log(10000),
    "math.sqrt(2 / math.pi)": math.sqrt(2 / math.pi),
}
