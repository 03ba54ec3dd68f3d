"""`0.5 * n`: floats that let a number that remembers go first."""

from __future__ import annotations

import copy
import math
import operator
import pickle
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.models.sizes import PartsOfSizes
from unfoldify import unfoldify
from unfoldify.recording.numbers.deferring import Deferring, with_deferring

BINARY = (
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv),
    *(operator.mod, operator.pow, operator.lt, operator.le, operator.gt, operator.ge),
    *(operator.eq, operator.ne),
)
OTHERS = (2, 0.5, True, np.float32(1.5), np.float64(1.5), np.arange(3), 2j, Fraction(1, 3))
NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(allow_nan=False))


def test_sizes_stay_free_on_the_right_of_a_float() -> None:
    model = PartsOfSizes()
    result = unfoldify(model, (torch.randn(2, 8, 4),))
    assert "        n = x.shape[1]\n" in result.source
    assert "1.0 / n" in result.source
    assert "int(0.75 * n)" in result.source
    assert not result.report.fixed_sizes
    x = torch.randn(3, 12, 4)
    torch.testing.assert_close(result.module(x), model(x))


def test_the_model_and_its_code_come_back() -> None:
    model, code = PartsOfSizes(), PartsOfSizes.forward.__code__
    unfoldify(model, (torch.randn(2, 8, 4),))
    assert type(model.dropped) is float
    assert PartsOfSizes.forward.__code__ is code


@pytest.mark.parametrize("other", OTHERS, ids=repr)
@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
def test_arithmetic_with_others_is_that_of_a_float(function, other) -> None:
    for ours, plain in (
        ((Deferring(0.3), other), (0.3, other)),
        ((other, Deferring(0.3)), (other, 0.3)),
    ):
        try:
            wanted = function(*plain)
        except TypeError:
            with pytest.raises(TypeError):
                function(*ours)
            continue
        found = function(*ours)
        np.testing.assert_array_equal(found, wanted)
        assert type(found) in (type(wanted), Deferring)


@given(NUMBERS, NUMBERS)
def test_arithmetic_with_numbers_is_that_of_a_float(a, b) -> None:
    for function in BINARY:
        try:
            wanted = function(float(a), b)
        except (ArithmeticError, ValueError):
            continue
        np.testing.assert_equal(function(Deferring(a), b), wanted)


def test_it_is_a_float_wherever_it_goes() -> None:
    x = Deferring(-0.5)
    assert (type(-x), type(abs(x)), -x, abs(x)) == (Deferring, Deferring, 0.5, 0.5)
    assert (hash(x), f"{x:.2f}", repr(x), {x: 1}[-0.5]) == (hash(-0.5), "-0.50", "-0.5", 1)
    assert type(pickle.loads(pickle.dumps(x))) is float
    assert type(copy.deepcopy(x)) is float
    assert np.sqrt(Deferring(0.25)) == 0.5
    assert math.exp(x) == math.exp(-0.5)
    assert torch.full((), x).item() == -0.5
    assert (torch.ones(()) * x).item() == -0.5


def test_code_without_floats_stays_as_it_is() -> None:
    def inner(n):
        return n * 2

    def outer(n):
        return [0.5 * item for item in n]

    assert with_deferring(inner.__code__) is inner.__code__
    assert with_deferring(outer.__code__) is not outer.__code__


class AsksForTheType(nn.Module):
    def __init__(self):
        super().__init__()
        self.scaling = 0.5

    def forward(self, x):
        assert type(self.scaling) in (float, torch.Tensor)
        return x * self.scaling


def test_code_that_means_the_very_type_gets_it() -> None:
    assert "x * 0.5" in unfoldify(AsksForTheType(), (torch.randn(2, 3),)).source
