"""Buffers of another module that are given a new value while the model runs."""

from __future__ import annotations

import copy
import textwrap

import pytest
import torch
from torch import nn

from tests.models.rebound import (
    ByAHook,
    ByAMethod,
    InALoop,
    KeepsTheOldOne,
    KeepsWhatACallRebinds,
    OfAnother,
    OfAWholeLayer,
    OfItsChild,
    OfItsOwn,
    OfItsParent,
    OfItsSibling,
    PutsItBack,
    Swaps,
)
from unfoldify import unfoldify


@pytest.mark.parametrize(
    "cls",
    [
        ByAHook,
        ByAMethod,
        InALoop,
        KeepsTheOldOne,
        KeepsWhatACallRebinds,
        OfAnother,
        OfAWholeLayer,
        OfItsChild,
        OfItsOwn,
        OfItsParent,
        OfItsSibling,
        Swaps,
    ],
)
def test_three_calls_leave_what_the_original_leaves(cls: type[nn.Module]) -> None:
    model = cls()
    ours = unfoldify(model, (torch.randn(3, 4),)).module
    theirs = copy.deepcopy(model)
    if cls is OfItsSibling:  # a deep copy of its list holds another module
        theirs.b.others = [theirs.a]
    for _ in range(3):
        x = torch.randn(3, 4)
        torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(dict(ours.named_buffers()), dict(theirs.named_buffers()))


def last_forward(model: nn.Module) -> str:
    source = unfoldify(model, (torch.randn(3, 4),)).source
    return textwrap.dedent(source[source.rindex("    def forward") :])


def test_the_assignment_stands_where_it_happens() -> None:
    assert last_forward(OfItsChild()) == (
        "def forward(self, x):\n"
        "    y = self.child(x)\n"
        "    self.child.u = 0.9 * self.child.u + 0.1 * y.mean(0).detach()\n"
        "    return self.child(y)\n"
    )


def test_a_loop_over_modules_stays_one() -> None:
    assert last_forward(InALoop()) == (
        "def forward(self, x):\n"
        "    for layer in self.layers:\n"
        "        x = layer(x)\n"
        "        layer.u = 0.9 * layer.u + 0.1 * x.mean(0).detach()\n"
        "    return x\n"
    )


def test_what_a_sibling_rebinds_the_parent_assigns() -> None:
    assert last_forward(OfItsSibling()) == (
        "def forward(self, x):\n    y, u = self.b(x)\n    self.a.u = u\n    return self.a(y)\n"
    )


def test_an_old_value_that_is_used_later_is_kept() -> None:
    text = last_forward(KeepsTheOldOne())
    assert "old_high = self.child.high\n    self.child.high = high1\n" in text
    assert text.endswith("return y * (high1 - old_high + 1)\n")


def test_calls_of_a_module_that_rebinds_its_own_buffer_are_alike() -> None:
    source = unfoldify(OfItsOwn(), (torch.randn(3, 4),)).source
    assert source.count("class Own") == 1
    assert source.count("def forward") == 2


def test_a_buffer_that_is_given_what_it_holds_is_not_assigned() -> None:
    assert last_forward(PutsItBack()) == "def forward(self, x):\n    return self.a(x)\n"
