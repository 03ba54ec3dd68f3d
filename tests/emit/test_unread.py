"""State that is written and never read leaves no line; what is read somewhere stays."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import unfoldify


class Cached(nn.Module):
    """A layer that would keep its last inputs, had it been handed a cache."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(x.shape[0], 2, 4)
        state.copy_(x[:, -2:] * 3)
        state[:, 0] = 1.5
        return self.fc(x)


class Read(Cached):
    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(x.shape[0], 2, 4)
        view = state[:, :1]
        state.copy_(x[:, -2:] * 3)
        return self.fc(x) + view


def test_state_that_nobody_reads() -> None:
    source = unfoldify.unfoldify(Cached(), torch.randn(2, 5, 4)).source
    assert "zeros" not in source
    assert "* 3" not in source
    assert "1.5" not in source


def test_state_that_is_read_by_another_name() -> None:
    source = unfoldify.unfoldify(Read(), torch.randn(2, 5, 4)).source
    assert "torch.zeros(" in source
    assert ".copy_(" in source
