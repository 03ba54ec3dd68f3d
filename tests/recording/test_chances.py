"""A block that a draw decides stands in the file under an `if`."""

from __future__ import annotations

import copy
import random

import pytest
import torch
from torch import nn

from tests.models.by_chance import (
    AlwaysByChance,
    DropsByPythonsNumbers,
    DropsOfAList,
    EachBlockByChance,
    LayerDrop,
    NoiseNowAndThen,
    OneOfThreeWays,
    OneOfTwoWays,
    SkipsItsStatistics,
    StochasticDepth,
)
from unfoldify import unfoldify

X = torch.randn(5, 4)


@pytest.mark.parametrize(
    "cls",
    [
        *(
            DropsOfAList,
            AlwaysByChance,
            DropsByPythonsNumbers,
            EachBlockByChance,
            LayerDrop,
            NoiseNowAndThen,
        ),
        *(OneOfThreeWays, OneOfTwoWays, SkipsItsStatistics, StochasticDepth),
    ],
)
def test_every_way_is_that_of_the_original(cls: type[nn.Module]) -> None:
    model = cls()
    ours = unfoldify(model, (X,)).module.train()
    theirs = copy.deepcopy(model).train()
    ways = set()
    for seed in range(20):
        found = []
        for each in (ours, theirs):
            torch.manual_seed(seed)
            random.seed(seed)
            found.append(each(X))
        torch.testing.assert_close(*found)
        torch.testing.assert_close(dict(ours.named_buffers()), dict(theirs.named_buffers()))
        ways.add(round(found[0].sum().item(), 6))
    assert len(ways) > 1


def test_evaluation_and_training_are_one_text() -> None:
    source = unfoldify(LayerDrop(), (X,)).source
    assert (
        "        for layer in self.layers:\n"
        "            if self.training:\n"
        "                probability = torch.rand([])\n"
        "            if not self.training or probability >= 0.4:\n"
    ) in source


def test_a_block_of_training_alone() -> None:
    source = unfoldify(NoiseNowAndThen(), (X,)).source
    assert (
        "        if self.training and torch.rand(()) > 0.5:\n"
        "            x = x + 0.1 * torch.randn_like(x)\n"
    ) in source


def test_evaluation_goes_one_of_two_ways() -> None:
    source = unfoldify(OneOfTwoWays(), (X,)).source
    assert "        if self.training and torch.rand(1) < 0.5:\n            # one\n" in source
    assert "        else:\n            # two\n" in source


def test_pythons_draws_are_called_in_the_file() -> None:
    source = unfoldify(DropsByPythonsNumbers(), (X,)).source
    assert "import random\n" in source
    assert "if not self.training or random.random() >= 0.3:\n" in source


class DrawsAndScales(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(x) * random.uniform(0.5, 1.5) + torch.rand(())


def test_draws_that_decide_nothing_are_plain_calls() -> None:
    source = unfoldify(DrawsAndScales(), (X,)).source
    assert "random.uniform(0.5, 1.5)" in source
    assert "        if " not in source
