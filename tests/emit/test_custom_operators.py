"""Operators of `torch.ops`: a library's own keep their place, torch's go by the names that users know."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn, randn
from torch.library import custom_op

import unfoldify


@custom_op("unfoldify_tests::doubled", mutates_args=())
def doubled(x: Tensor) -> Tensor:
    return x * 2


doubled.register_fake(torch.empty_like)
doubled.register_autograd(lambda _, gradient: gradient * 2)


class Calling(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.fc(x))


@pytest.mark.parametrize(
    "function",
    [doubled, torch.ops.unfoldify_tests.doubled, torch.ops.unfoldify_tests.doubled.default],
)
def test_an_operator_of_a_library_keeps_its_place(function: Callable[[Tensor], Tensor]) -> None:
    source = unfoldify.unfoldify(Calling(function), (randn(2, 3),)).source
    assert "return torch.ops.unfoldify_tests.doubled(x)\n" in source
    assert "Needs what defines torch.ops.unfoldify_tests.doubled: import that first.\n" in source


@pytest.mark.parametrize("function", [torch.ops.aten.relu, torch.ops.aten.relu.default])
def test_operators_of_torch_are_its_functions(function: Callable[[Tensor], Tensor]) -> None:
    source = unfoldify.unfoldify(Calling(function), (randn(2, 3),)).source
    assert "return torch.relu(x)\n" in source
    assert "torch.ops" not in source
