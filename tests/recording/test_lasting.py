"""Attributes that go on from call to call, and those that are only put there."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from tests.models.several_calls import (
    CoolsDown,
    DividesByItsCalls,
    EachAtItsRate,
    GoesOnFromItsLastState,
    KeepsWhatNobodyReads,
    TakesTurns,
)
from unfoldify import unfoldify


@pytest.mark.parametrize(
    "cls", [CoolsDown, DividesByItsCalls, EachAtItsRate, GoesOnFromItsLastState, TakesTurns]
)
@pytest.mark.parametrize("training", [False, True])
def test_five_calls_are_those_of_the_original(cls: type[nn.Module], training: bool) -> None:
    model = cls()
    x = torch.randn(4, 3)
    ours = unfoldify(model, (x,)).module.train(training)
    theirs = copy.deepcopy(model).train(training)
    for _ in range(5):
        x = torch.randn(4, 3)
        torch.testing.assert_close(ours(x), theirs(x))


def test_the_model_comes_back_with_its_number() -> None:
    model = DividesByItsCalls()
    unfoldify(model, (torch.randn(4, 3),))
    assert (type(model.step), model.step) == (int, 0)


def test_the_file_says_it_as_the_user_does() -> None:
    source = unfoldify(CoolsDown(), (torch.randn(4, 3),)).source
    assert "        self.temperature = 1.0\n" in source
    assert (
        "        if self.training:\n"
        "            self.temperature = max(self.temperature * 0.9, 0.1)\n"
    ) in source  # fmt: skip


def test_a_number_that_the_model_has_reached_is_where_the_file_begins() -> None:
    model = TakesTurns()
    for _ in range(2):
        model(torch.randn(4, 3))
    assert "self.turn = 2\n" in unfoldify(model, (torch.randn(4, 3),)).source


def test_what_nobody_reads_is_not_written() -> None:
    source = unfoldify(KeepsWhatNobodyReads(), (torch.randn(4, 3),)).source
    assert "self.calls" not in source
    assert "self.last" not in source


class HalvesLater(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.step, self.width = 0, 3

    def forward(self, x):
        self.step += 1
        if self.width != x.shape[1]:
            self.width = x.shape[1]
        y = self.fc(x)
        return y * 0.5 if self.step > 100 else y


def test_a_block_of_later_calls_is_written() -> None:
    result = unfoldify(HalvesLater(), (torch.randn(4, 3),))
    assert "        if step > 100:\n            y = y * 0.5\n" in result.source
    assert not result.report.fixed_sizes


class OtherwiseLater(HalvesLater):
    def forward(self, x):
        self.step += 1
        y = self.fc(x)
        return torch.tanh(y) if self.step > 100 else torch.relu(y)


def test_what_a_later_call_does_instead_is_written() -> None:
    result = unfoldify(OtherwiseLater(), (torch.randn(4, 3),))
    assert (
        "        if step > 100:\n"
        "            y = torch.tanh(y)\n"
        "        else:\n"
        "            y = torch.relu(y)\n"
    ) in result.source
    assert not result.report.fixed_sizes


class Calibrated(nn.Module):
    """Looks at the first inputs, and rounds the later ones by what it saw."""

    def __init__(self):
        super().__init__()
        self.left = 2
        self.fc = nn.Linear(4, 4)
        self.places = 0

    def forward(self, x):
        x = self.fc(x)
        if self.left > 0:
            self.left -= 1
            self.places = max(self.places, int(x.abs().max().item() * 8))
            return x
        return torch.round(x * 2**self.places)


def test_a_way_that_calls_decide_is_told_in_the_file() -> None:
    source = unfoldify(Calibrated(), (torch.ones(2, 4),)).source
    told = "with other values of self.left, which each call changes, it does something else, test_"
    assert "Written for the example's values where the original goes by them:" in source
    assert told in " ".join(source.split())
