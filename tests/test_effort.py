"""What a computation takes, told by what it does; what is decided by it does not hang on a clock."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import unfoldify
from unfoldify.effort import Counting, products
from unfoldify.recording.sizes import free_sizes


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        x = F.relu(self.conv(x * scale))
        out: Tensor = self.head(x.mean(dim=(2, 3)))
        return out


def test_factors_of_a_product_and_its_result() -> None:
    m, n, p = 3, 5, 7
    assert products([torch.ones(m, n), torch.ones(n, p)], torch.ones(m, p)) == pytest.approx(105)
    assert products([torch.ones(m, n)], torch.ones(m, n)) == 0


def test_what_computes_more_takes_more() -> None:
    def effort(*shapes: tuple[int, int]) -> float:
        with Counting() as counting:
            torch.mm(*map(torch.ones, shapes))
        return counting.effort

    assert effort((64, 64), (64, 64)) == effort((64, 64), (64, 64))
    assert effort((64, 640), (640, 64)) > effort((64, 64), (64, 64))
    with Counting() as counting:
        torch.ones(8).add(torch.ones(8))
    once = counting.effort
    with counting:
        torch.ones(8).add(torch.ones(8))
    assert counting.effort == pytest.approx(2 * once)


def test_a_busy_machine_writes_the_same_file(monkeypatch: pytest.MonkeyPatch) -> None:
    args = torch.randn(2, 3, 8, 8), torch.randn(3, 1, 1)
    quiet = unfoldify.unfoldify(Net(), args)
    sizes = [variant.description for variant in free_sizes(Net(), args)]
    looks = itertools.count()

    def busy(*_: Any) -> float:  # half a second passes between two looks at the clock
        return next(looks) / 2

    monkeypatch.setattr("time.monotonic", busy)
    assert [variant.description for variant in free_sizes(Net(), args)] == sizes
    assert unfoldify.unfoldify(Net(), args).source == quiet.source
