"""What Python looked at while the model ran is named in the report, whichever mode it was in."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import unfoldify


class Queue(nn.Module):
    queue: Tensor
    place: Tensor

    def __init__(self, *, only_in_training: bool) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.only_in_training = only_in_training
        self.register_buffer("queue", torch.zeros(4, 3))
        self.register_buffer("place", torch.zeros(1, dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        key = self.fc(x).mean(0)
        if (self.training or not self.only_in_training) and self.place == 0:
            self.queue[int(self.place)] = key.detach()
            return key.relu()
        return key.tanh() + 1.0


class Careful(nn.Module):
    def __init__(self, *, only_in_training: bool) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.only_in_training = only_in_training

    def forward(self, x: Tensor) -> Tensor:
        if (self.training or not self.only_in_training) and x.max() > 100:
            raise ValueError(x)
        return self.fc(x)


@pytest.mark.parametrize("only_in_training", [False, True])
def test_a_value_that_was_read(only_in_training: bool) -> None:
    model = Careful(only_in_training=only_in_training)
    report = unfoldify.unfoldify(model, torch.randn(2, 3)).report
    assert report.fixed_sizes == (
        "test_reads.py:38: `x.max() > 100`: the value False of a tensor was looked at (__bool__)",
    )


@pytest.mark.parametrize("only_in_training", [False, True])
def test_a_value_that_the_file_reads_is_not_told(only_in_training: bool) -> None:
    result = unfoldify.unfoldify(Queue(only_in_training=only_in_training), torch.randn(2, 3))
    assert result.report.fixed_sizes == ()
    assert "self.place == 0:\n" in result.source


def test_a_number_that_was_read_is_read_by_the_file() -> None:
    source = unfoldify.unfoldify(Queue(only_in_training=False), torch.randn(2, 3)).source
    assert "self.queue[self.place.item()] = " in source


def test_what_is_only_computed_is_not_read() -> None:
    assert unfoldify.unfoldify(nn.Linear(3, 3), torch.randn(2, 3)).report.fixed_sizes == ()


class Periods(nn.Module):
    """As in discriminators of speech: the length is filled up to whole periods."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        assert n % 2 == 0
        if n % 2 != 0:
            raise ValueError(n)
        if n % 4 != 0:
            x = torch.nn.functional.pad(x, (0, 0, 0, 4 - n % 4))
        return self.fc(x)


class PeriodsOneByOne(Periods):
    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        while n % 4 != 0:
            x, n = torch.nn.functional.pad(x, (0, 0, 0, 1)), n + 1
        return self.fc(x)


def test_a_remainder_that_decides() -> None:
    result = unfoldify.unfoldify(Periods(), torch.randn(2, 8, 3))
    assert "if n % 4 != 0:" in result.source
    assert result.report.fixed_sizes == ()


def test_a_remainder_that_decides_how_often() -> None:
    report = unfoldify.unfoldify(PeriodsOneByOne(), torch.randn(2, 8, 3)).report
    assert report.fixed_sizes[0] == (
        "test_reads.py:88: `n % 4 != 0`: False for the sizes of the example; where a size leaves "
        "another remainder, the model does something else"
    )
