"""Loops over numbers start where the user's do."""

from __future__ import annotations

import ast

import pytest
import torch
from torch import Tensor, nn, randn

import unfoldify
from unfoldify.emit.loop_start import plus


class Steps(nn.Module):
    """From the second step on, each with the one before it."""

    def forward(self, x: Tensor) -> Tensor:
        state, states = x[0], []
        for t in range(1, x.size(0)):
            state = torch.tanh(state + x[t] * x[t - 1])
            states.append(state)
        return torch.stack(states)


class FromTheFirst(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        state, states = x[0] * 0, []
        for t in range(x.size(0)):
            state = torch.tanh(state + x[t] * t)
            states.append(state)
        return torch.stack(states)


def source_of(model: nn.Module) -> str:
    return unfoldify.unfoldify(model, (randn(6, 3),)).source


def test_a_loop_starts_where_the_user_starts_it() -> None:
    source = source_of(Steps())
    assert "for t in range(1, x.shape[0]):" in source
    assert "x[t] * x[t - 1]" in source


def test_a_loop_from_0_stays_one() -> None:
    source = source_of(FromTheFirst())
    assert "enumerate(x)" in source or "for t in range(x.shape[0]):" in source
    assert "t - 1" not in source
    assert "t + 1" not in source


@pytest.mark.parametrize(
    ("number", "amount", "sum_"),
    [
        ("n - 1", 1, "n"),
        ("n - 1", 2, "n + 1"),
        ("n + 1", -2, "n - 1"),
        ("n", 1, "n + 1"),
        ("4", 1, "5"),
        ("n * 2", -1, "n * 2 - 1"),
        ("n", 0, "n"),
    ],
)
def test_sums_that_take_nothing_back(number: str, amount: int, sum_: str) -> None:
    assert ast.unparse(plus(ast.parse(number, mode="eval").body, amount)) == sum_
