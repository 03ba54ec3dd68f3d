"""A block that a value decides stands in the file under an `if`, where a file would say one way else."""

from __future__ import annotations

import copy

import torch
from torch import nn

from tests.models.by_value import Rotation, SetByAFlagOfPythons, SetByItsFirstBatch
from unfoldify import unfoldify

X = torch.randn(4, 3)


def test_both_sides_of_a_comparison() -> None:
    torch.manual_seed(0)
    model = Rotation()
    result = unfoldify(model, (torch.randn(5, 3), torch.randn(5, 3)))
    assert "        if torch.det(r) < 0:\n" in result.source
    assert not result.report.fixed_sizes
    for _ in range(8):  # half of them are reflections
        a, b = torch.randn(5, 3), torch.randn(5, 3)
        torch.testing.assert_close(result.module(a, b), model(a, b))


def test_the_first_call_and_the_others() -> None:
    for cls in (SetByAFlagOfPythons, SetByItsFirstBatch):
        model = cls()
        ours = unfoldify(model, (X,)).module.train()
        theirs = copy.deepcopy(model).train()
        for _ in range(3):
            x = torch.randn(4, 3)
            torch.testing.assert_close(ours(x), theirs(x))
        torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


def test_a_flag_is_set_where_the_user_sets_it() -> None:
    source = unfoldify(SetByAFlagOfPythons(), (X,)).source
    assert (
        "        if not self.is_set:\n"
        "            self.bias.data.copy_(-x.mean(0, keepdim=True))\n"
        "            self.is_set = True\n"
    ) in source
    assert "        self.is_set = False\n" in source


class LooksOnly(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        if torch.isnan(x).any():
            raise ValueError("not a number")
        return self.fc(x)


def test_a_check_of_the_users_is_no_block() -> None:
    result = unfoldify(LooksOnly(), (X,))
    assert "        if " not in result.source


class ChangesWhatAViewIsOf(nn.Module):
    """The block changes a value in place that others look at: no `if` alone says that."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        y = self.fc(x)
        part = y[:, :2]
        if y.sum() > 0:
            part.mul_(2.0)
        return y + 1, part


def test_a_change_in_place_is_no_block() -> None:
    result = unfoldify(ChangesWhatAViewIsOf(), (X,), check=False)
    assert "if y.sum()" not in result.source
    (fixed,) = result.report.fixed_sizes
    assert "`y.sum() > 0`" in fixed
