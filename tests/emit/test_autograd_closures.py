"""Autograd functions that a function makes, and what they know of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify
from unfoldify.errors import CaptureError


def quantizer(levels: Tensor) -> Callable[..., Tensor]:
    class Nearest(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            index = (x.unsqueeze(-1) - levels).abs().argmin(dim=-1)
            return levels[index]

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return gradient

    return Nearest.apply


class Layer(nn.Module):
    def __init__(self, levels: Tensor) -> None:
        super().__init__()
        self.fc, self.nearest = nn.Linear(4, 4), quantizer(levels)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.nearest(x))


def test_a_few_numbers_of_the_function_around_are_written() -> None:
    result = unfoldify(Layer(torch.tensor([0.0, 0.3, 1.0])), (torch.rand(3, 4),))
    assert "\nlevels = torch.tensor([0.0, 0.3, 1.0])\n" in result.source
    assert result.source.count("class Nearest") == 1


def test_two_that_know_the_same_are_one() -> None:
    model = nn.Sequential(*(Layer(torch.tensor([0.0, 0.3, 1.0])) for _ in range(2)))
    source = unfoldify(model, (torch.rand(3, 4),)).source
    assert source.count("class Nearest") == source.count("levels = ") == 1


def test_two_that_know_different_tensors_are_refused() -> None:
    model = nn.Sequential(Layer(torch.tensor([0.0, 1.0])), Layer(torch.tensor([0.0, 2.0])))
    with pytest.raises(CaptureError, match="made anew with other values around it"):
        unfoldify(model, (torch.rand(3, 4),))


def test_numbers_that_no_file_can_list_are_refused() -> None:
    with pytest.raises(CaptureError, match=r"uses levels \(Tensor\) of its file"):
        unfoldify(Layer(torch.randn(5000)), (torch.rand(3, 4),))


def doubler(levels: Tensor) -> Callable[..., Tensor]:
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return 2 * x + levels.sum()

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return 2 * gradient

    return Doubled.apply  # type: ignore[no-any-return]


def test_one_name_of_two_values_is_two_names() -> None:
    class Both(Layer):
        def __init__(self) -> None:
            super().__init__(torch.tensor([0.0, 0.5, 1.0]))
            self.doubled = doubler(torch.tensor([3.0, 4.0]))

        def forward(self, x: Tensor) -> Tensor:
            return self.doubled(super().forward(x))

    model, x = Both(), torch.rand(3, 4)
    result = unfoldify(model, (x,))
    assert "\nlevels = torch." in result.source
    assert "\nlevels2 = torch." in result.source
    assert "2 * x + levels2.sum()" in result.source
    torch.testing.assert_close(result.module(x), model(x))
