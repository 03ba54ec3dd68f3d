"""`out += y` where nobody can tell it from `out = out + y`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unfoldify import unfoldify


class FromANumber(nn.Module):
    """The first round adds to a number, which is no change of a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        loss = 0
        for layer in self.layers:
            x = layer(x).tanh()
            loss += x.square().mean()
        return loss


class OverTime(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        score = x[0].sin()
        for t in range(1, x.size(0)):
            score += x[t]
            score += x[t - 1].cos()
        score += x[-1]
        return score


class SeenByAView(nn.Module):
    """What the first number is in the end, is known by a view."""

    def forward(self, x: Tensor) -> Tensor:
        score = x[0].sin()
        first = score[:1]
        for t in range(1, x.size(0)):
            score += x[t]
        return first * score


def test_a_sum_that_begins_with_a_number_is_one_loop() -> None:
    model, x = FromANumber(), torch.randn(3, 4)
    result = unfoldify(model, (x,))
    assert "        loss = 0\n        for layer in self.layers:\n" in result.source
    assert "            loss = loss + x.square().mean()\n" in result.source
    torch.testing.assert_close(result.module(x), model(x))


def test_changes_of_a_value_with_one_name_are_plain() -> None:
    result = unfoldify(OverTime(), (torch.randn(5, 4),))
    assert "score = score + x[t]\n" in result.source
    assert "add_" not in result.source
    x = torch.randn(8, 4)
    torch.testing.assert_close(result.module(x), OverTime()(x))


def test_changes_that_a_view_sees_are_changes() -> None:
    result = unfoldify(SeenByAView(), (torch.randn(5, 4),))
    assert "score.add_(x[t])" in result.source
    x = torch.randn(8, 4)
    torch.testing.assert_close(result.module(x), SeenByAView()(x))
