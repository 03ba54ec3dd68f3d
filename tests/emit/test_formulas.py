"""Numbers that nobody reads are written as what they are."""

from __future__ import annotations

import ast
import math

import pytest

from unfoldify.emit.format import format_expression
from unfoldify.emit.formulas import float_formula
from unfoldify.emit.lines import constant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8**-0.5, "8**-0.5"),
        (1 / math.sqrt(8), "1 / 8**0.5"),
        (768**0.5, "768**0.5"),
        (1 / 3, "1 / 3"),
        (math.sqrt(2 / math.pi), "math.sqrt(2 / math.pi)"),
        (64**-0.25, "8**-0.5"),
    ],
)
def test_a_number_is_a_formula(value: float, text: str) -> None:
    assert float_formula(value) == text
    assert eval(text, {"math": math}) == value


@pytest.mark.parametrize("value", [0.125, 0.1, 1e-12, 0.9857142857142858, 3.0, 1.702, 0.044715])
def test_a_number_that_says_as_much_stays(value: float) -> None:
    assert float_formula(value) is None


def test_a_formula_stands_in_expressions_as_it_must() -> None:
    number = constant(-(8**-0.5))
    assert format_expression(number) == "-(8**-0.5)"
    scaled = ast.BinOp(ast.Name("x"), ast.Div(), constant(1 / 3))
    assert format_expression(scaled) == "x / (1 / 3)"
