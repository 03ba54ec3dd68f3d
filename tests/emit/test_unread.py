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


class Scan(nn.Module):
    """Each round reads some of what it computes."""

    def forward(self, x: Tensor) -> Tensor:
        s = torch.zeros_like(x[:, 0])
        for t in range(x.shape[1]):
            best = (x[:, t] + s).max(-1, keepdim=True)[0]
            low, where = (x[:, t] - s).min(-1, keepdim=True)
            (where * 2).float()
            torch.rand(2)
            s = s + best.exp() * low
        return s


def test_what_no_round_reads_is_left_out_but_for_what_draws() -> None:
    source = unfoldify.unfoldify(Scan(), torch.randn(2, 5, 4)).source
    lines = source[source.index("for t in") :].split("\n")
    assert [line.strip() for line in lines[1:5]] == [
        "best = (x[:, t] + s).max(-1, keepdim=True).values",
        "low, _ = (x[:, t] - s).min(-1, keepdim=True)",
        "torch.rand(2)",
        "s = s + best.exp() * low",
    ]
