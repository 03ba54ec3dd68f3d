"""What a run says needlessly is left out, and only that."""

from __future__ import annotations

from torch import Tensor, nn, randn

import unfoldify


class Total(nn.Module):
    """Python's `sum` starts from 0."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return sum(part.exp() for part in (x, y))


class PlusZero(nn.Module):
    """0.0 for -0.0."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 0


def returned(model: nn.Module, *args: Tensor) -> str:
    return unfoldify.unfoldify(model, args).source.rpartition("return ")[2].strip()


def test_a_sum_does_not_start_from_0() -> None:
    assert returned(Total(), randn(2, 3), randn(2, 3)) == "x + y.exp()"


def test_a_zero_that_is_added_alone_stays() -> None:
    assert returned(PlusZero(), randn(2, 3)) == "x + 0"
