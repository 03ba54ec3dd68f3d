"""Sizes at which a file does something else than the original are told, once it is verified."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify
from unfoldify.recording.sizes import free_sizes
from unfoldify.verification.edges import otherwise


class Squeezed(nn.Module):
    """Of a batch of one, the layer is given a vector."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.mean(1, keepdim=True).squeeze())


class TwoWays(nn.Module):
    """No `if` says which."""

    def __init__(self) -> None:
        super().__init__()
        self.short, self.long = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return (self.short, self.long)[int(x.shape[1] > 5)](x)


class OneWay(TwoWays):
    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] > 5:
            x = x + 0
        return self.short(x)


def test_a_batch_of_one() -> None:
    result = unfoldify(Squeezed(), (torch.randn(2, 6, 4),))
    assert result.report.fixed_sizes == ("for x: 1x6x4 the model does something else",)
    assert "    with x: 1x6x4 it does something else\n" in result.source


@pytest.mark.parametrize("size", [6, 12])
def test_the_other_side_of_a_comparison(size: int) -> None:
    result = unfoldify(TwoWays(), (torch.randn(2, size, 4),))
    assert result.report.fixed_sizes == ("for x: 2x5x4 the model does something else",)


def test_a_comparison_that_makes_no_difference_is_not_told() -> None:
    assert unfoldify(OneWay(), (torch.randn(2, 6, 4),)).report.fixed_sizes == ()


def test_what_would_take_too_long_is_not_compared() -> None:
    model, x = TwoWays(), torch.randn(2, 6, 4)
    written, sizes = unfoldify(model, (x,)).module, free_sizes(model, (x,))
    assert list(otherwise(model, written, (x,), {}, sizes, {5})) == ["x: 2x5x4"]
    assert list(otherwise(model, written, (x,), {}, sizes, {5}, max_seconds=0)) == []
