"""A block that a value decides stands in the file under an `if`, where a file would say one way else."""

from __future__ import annotations

import copy

import pytest
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
    """The block changes a value in place that others look at."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        y = self.fc(x)
        part = y[:, :2]
        if y.sum() > 0:
            part.mul_(2.0)
        return y + 1, part


def test_a_change_in_place_stays_one() -> None:
    torch.manual_seed(0)
    model = ChangesWhatAViewIsOf()
    result = unfoldify(model, (X,))
    assert "        if y.sum() > 0:\n            part.mul_(2.0)\n" in result.source
    assert_both_ways(model, result.module, torch.randn(8, 4, 3), lambda x: model.fc(x).sum() > 0)


def assert_both_ways(model, ours, inputs, asked) -> None:
    """Compares on inputs for which what is asked is so, and on others."""
    assert {bool(asked(x)) for x in inputs} == {True, False}
    for x in inputs:
        torch.testing.assert_close(ours(x), model(x))


class OneOfTwo(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        if x.mean() > 0:
            y = self.one(x)
        else:
            y = torch.tanh(self.two(x))
        return y + 1


class OneOfThree(OneOfTwo):
    def forward(self, x):
        mean = x.mean()
        if mean > 0.2:
            y = self.one(x)
        elif mean < -0.2:
            y = self.two(x)
        else:
            y = x
        return y + 1


class BothAsked(OneOfTwo):
    def forward(self, x):
        y = self.one(x)
        if y.max() > 0.5 and y.min() < -0.5:
            y = self.two(y)
        else:
            y = y * 3
        return y


class EitherAsked(OneOfTwo):
    def forward(self, x):
        y = self.one(x)
        if y.max() > 1.5 or y.min() < -1.5:
            y = self.two(y)
        return y


class ReturnsEarly(OneOfTwo):
    def forward(self, x):
        total = x.sum().item()
        if total > 0:
            return self.one(x)
        return self.two(x)


class LoopsOnBothSides(OneOfTwo):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(3))
        self.others = nn.ModuleList(nn.Linear(3, 3) for _ in range(3))

    def forward(self, x):
        if x.mean() > 0:
            for layer in self.layers:
                x = torch.tanh(layer(x))
        else:
            for layer in self.others:
                x = torch.relu(layer(x)) + x
        return x


class TwoInARow(OneOfTwo):
    def forward(self, x):
        y = self.one(x)
        if x.mean() > 0:
            y = self.two(y)
        else:
            y = y * 2
        if x.max() > 2:
            z = y / x.max()
        else:
            z = y + x.min()
        return z, y


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (LoopsOnBothSides, "for layer in self.others:"),
        (TwoInARow, "z = y + x.min()"),
        (OneOfTwo, "if x.mean() > 0:"),
        (OneOfThree, "elif mean < -0.2:"),
        (BothAsked, "if y1.max() > 0.5 and y1.min() < -0.5:"),
        (EitherAsked, "if y.max() > 1.5 or y.min() < -1.5:"),
        (ReturnsEarly, "if total > 0:"),
    ],
)
@pytest.mark.parametrize("shift", [1.0, 0.0, -1.0])
def test_all_ways_stand_in_the_file(cls: type[OneOfTwo], line: str, shift: float) -> None:
    torch.manual_seed(0)
    model = cls()
    result = unfoldify(model, (torch.randn(4, 3) + shift,))
    assert line in result.source
    assert not [fixed for fixed in result.report.fixed_sizes if "looked at" in fixed]
    for x in torch.randn(20, 4, 3) + torch.linspace(-1, 1, 20)[:, None, None]:
        torch.testing.assert_close(result.module(x), model(x))


def test_what_runs_where_a_block_does_not_is_its_else() -> None:
    source = unfoldify(OneOfTwo(), (X,)).source
    assert (
        "        if x.mean() > 0:\n"
        "            # one\n"
        '            w = rearrange(self.one.weight, "o i -> i o")\n'
        '            y = (rearrange(x, "b i -> b i 1") * w).sum(dim=-2)  # over i\n'
        "            y = y + self.one.bias\n"
        "        else:\n"
        "            # two\n"
        '            w = rearrange(self.two.weight, "o i -> i o")\n'
        '            y = (rearrange(x, "b i -> b i 1") * w).sum(dim=-2)  # over i\n'
        "            y = y + self.two.bias\n"
        "\n"
        "            y = torch.tanh(y)\n"
        "\n"
        "        return y + 1\n"
    ) in source


class MaskOrNone(OneOfTwo):
    """Whether there is a mask decides about the arguments of all that follows, not about the lines."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(30))

    def forward(self, x):
        mask = x > 0
        mask = None if mask.all() else mask
        for layer in self.layers:
            x = torch.tanh(layer(x))
            x = x if mask is None else x * mask
        return x


def test_the_same_lines_do_not_stand_on_both_sides() -> None:
    result = unfoldify(MaskOrNone(), (X,), check=False)
    assert "        if " not in result.source
    assert any("mask.all()" in fixed for fixed in result.report.fixed_sizes)


class AsksForNothing(OneOfTwo):
    def forward(self, x):
        y = self.one(x)
        if x.mean() > 0:
            pass
        return self.two(y)


def test_a_question_that_decides_nothing_is_no_block() -> None:
    assert "        if " not in unfoldify(AsksForNothing(), (X,)).source


class AsksInEachStep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x[:, 0]
        for t in range(x.shape[1]):
            y = self.fc(y) if x[0, t, 0] > 0 else y - x[:, t]
        return y


def test_a_loop_over_time_that_asks_in_each_step_is_told_one_way() -> None:
    """To turn each of so many questions would take as many runs, and those of their sides."""
    torch.manual_seed(0)
    few = unfoldify(AsksInEachStep(), (torch.randn(2, 3, 3),))
    assert "else:" in few.source
    many = unfoldify(AsksInEachStep(), (torch.randn(2, 30, 3),))
    assert "else:" not in many.source
    assert any("was looked at" in each for each in many.report.fixed_sizes)
