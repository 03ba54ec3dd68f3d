"""What a module's methods are called where its calls do several things."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify


class Scaled(nn.Module):
    """Does what its arguments say."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.forward_busy = 0

    def forward(
        self, x: Tensor, mode: str = "norm", reverse: bool = False, shift: Tensor | None = None
    ) -> Tensor:
        x = x if shift is None else x + shift
        x = x / self.scale if reverse else x * self.scale
        return x - x.mean() if mode != "norm" else x


class Calls(nn.Module):
    def __init__(self, **second: object) -> None:
        super().__init__()
        self.part, self.second = Scaled(), second

    def forward(self, x: Tensor) -> Tensor:
        return self.part(self.part(x), **self.second)


@pytest.mark.parametrize(
    ("second", "name"),
    [
        ({"mode": "denorm"}, "forward_denorm"),
        ({"mode": "DeNorm"}, "forward_denorm"),
        ({"reverse": True}, "forward_reverse"),
        ({"shift": torch.ones(4)}, "forward_with_shift"),
        ({"mode": "busy"}, "forward2"),  # the module has another thing of that name
        ({"mode": "no word"}, "forward2"),
        ({"mode": "x): import os"}, "forward2"),
    ],
)
def test_a_second_method_goes_by_the_argument_that_makes_the_difference(
    second: dict[str, object], name: str
) -> None:
    result = unfoldify(Calls(**second), (torch.randn(3, 4),))
    assert re.findall(r"    def (forward\w+)\(self", result.source) == [name]


def test_a_third_method_has_a_name_of_its_own() -> None:
    class Thrice(Calls):
        def forward(self, x: Tensor) -> Tensor:
            y = self.part(x, reverse=True)
            return self.part(self.part(x, shift=y), reverse=True, shift=y)

    source = unfoldify(Thrice(), (torch.randn(3, 4),)).source
    assert re.findall(r"    def (forward\w+)\(self", source) == [
        "forward_without_reverse",
        "forward_with_shift",
    ]


def test_calls_that_do_the_same_share_a_method() -> None:
    result = unfoldify(Calls(reverse=False, mode="norm"), (torch.randn(3, 4),))
    assert not re.findall(r"    def (forward\w+)\(self", result.source)
