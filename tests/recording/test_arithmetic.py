"""Functions of sizes stay functions of sizes; of other numbers they are the number."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy
import pytest
import torch
from torch import Tensor, nn

import unfoldify

Use = Callable[[Tensor, int], Tensor]


class Scaled(nn.Module):
    def __init__(self, use: Use) -> None:
        super().__init__()
        self.fc, self.use = nn.Linear(4, 4), use

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x)
        return self.use(y, y.shape[1])


@pytest.mark.parametrize(
    ("use", "wanted"),
    [
        (lambda y, n: y / math.sqrt(n), "return y / math.sqrt(y.shape[1])"),
        (lambda y, n: y / numpy.sqrt(n), "return y / math.sqrt(y.shape[1])"),
        (lambda y, n: y[:, : int(numpy.ceil(n / 2))], "return y[:, : math.ceil(y.shape[1] / 2)]"),
        (
            lambda y, n: y[:, : numpy.ceil(numpy.log(n)).astype("int").item()],
            "return y[:, : math.ceil(math.log(y.shape[1]))]",
        ),
        (lambda y, n: y * numpy.floor(n / 2), "return y * float(math.floor(y.shape[1] / 2))"),
        (lambda y, n: y * numpy.mod(n, 4), "return y * (y.shape[1] % 4)"),
        (
            lambda y, n: y.view(numpy.prod(y.shape[:2]), 4),
            "return y.view(math.prod(y.shape[:2]), 4)",
        ),
        (lambda y, n: y * numpy.prod([2, 3]), "return y * 6"),
        (lambda y, n: y * math.log2(n + 1), "return y * math.log2(y.shape[1] + 1)"),
        (lambda y, n: y[:, : math.isqrt(n)], "return y[:, : math.isqrt(y.shape[1])]"),
        (lambda y, n: y / float(n), "return y / float(y.shape[1])"),
        (lambda y, n: y.sum(1) / float(2 * n), "return y.sum(1) / float(2 * y.shape[1])"),
        (lambda y, n: y / math.sqrt(2), "return y / math.sqrt(2)"),
        (lambda y, n: y / 9.0, "return y / 9.0"),
    ],
)
def test_a_number_made_of_a_size(use: Use, wanted: str) -> None:
    model = Scaled(use)
    result = unfoldify.unfoldify(model, torch.randn(2, 9, 4))
    assert result.source.strip().splitlines()[-1].strip() == wanted
    assert result.report.fixed_sizes == ()
    other = torch.randn(3, 13, 4)
    torch.testing.assert_close(result.module(other), model(other))


def test_what_no_size_explains_is_fixed() -> None:
    model = Scaled(lambda y, n: y / int(str(n) * 2))
    fixed = unfoldify.unfoldify(model, torch.randn(2, 9, 4)).report.fixed_sizes
    assert any("int(str(n) * 2)" in line for line in fixed)


def test_functions_are_themselves_again() -> None:
    before = math.sqrt
    unfoldify.unfoldify(Scaled(lambda y, n: y / math.sqrt(n)), torch.randn(2, 9, 4))
    assert math.sqrt is before
