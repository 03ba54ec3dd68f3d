"""Arguments of an emitted forward: in their places, and refused where the example fixed them."""

from __future__ import annotations

import enum
from collections import namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor, nn, randn

import unfoldify

Pair = namedtuple("Pair", ["first", "flag"])


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)


class NumberBetween(Linear):
    def forward(self, x: Tensor, n: int, y: Tensor) -> Tensor:
        return self.fc(x) * n + y


class AllOf(Linear):
    def forward(self, *xs: Tensor) -> Tensor:
        return sum(self.fc(x) for x in xs)


class Structures(Linear):
    def forward(self, xs: list[Tensor], batch: dict[str, Any], pair: Pair, size: list[int]) -> Any:
        y = sum(self.fc(x) for x in xs) * batch["factor"]
        if batch["mask"] is not None:
            y = y * batch["mask"]
        if pair.flag:
            y = y + pair.first
        return y.repeat(size)


def written(model: nn.Module, *args: Any) -> nn.Module:
    torch.manual_seed(0)
    return unfoldify.unfoldify(model, args).module


def test_a_tensor_after_a_number_stays_in_its_place() -> None:
    model, x, y = NumberBetween(), randn(2, 3), randn(2, 3)
    module = written(model, x, 2, y)
    torch.testing.assert_close(module(x, 2, y), model(x, 2, y))
    torch.testing.assert_close(module(x, y=y), model(x, 2, y))
    with pytest.raises(TypeError, match=r"forward\(\) missing 1 required argument: 'y'"):
        module(x, 2)
    with pytest.raises(ValueError, match="this file was written for n=2, not 3"):
        module(x, 3, y)


def test_more_arguments_than_the_example_gave_are_not_ignored() -> None:
    module = written(AllOf(), randn(2, 3), randn(2, 3))
    with pytest.raises(TypeError, match="this file was written for 2 values in xs, not 3"):
        module(randn(2, 3), randn(2, 3), randn(2, 3))


def test_what_a_structure_fixes_is_refused_at_other_values() -> None:
    model = Structures()
    x, y, z = randn(2, 3), randn(2, 3), randn(2, 3)
    given = [[x, y], {"factor": 2, "mask": None}, Pair(z, True), [1, 2]]
    module = written(model, *given)
    torch.testing.assert_close(module(*given), model(*given))
    for index, other, message in [
        (0, [x], "2 values in xs, not 1"),
        (1, {"factor": 3, "mask": None}, r"batch\['factor'\]=2, not 3"),
        (1, {"factor": 2, "mask": z}, r"batch\['mask'\]=None, not tensor"),
        (2, Pair(z, False), "pair.flag=True, not False"),
        (3, [2, 2], r"size=\[1, 2\], not \[2, 2\]"),
    ]:
        wrong = [*given]
        wrong[index] = other
        with pytest.raises(ValueError, match=f"this file was written for {message}"):
            module(*wrong)


class Reduction(enum.Enum):
    MEAN = "mean"
    SUM = "sum"


class ByWord(nn.Module):
    def forward(self, x, reduction, dtype):
        return (x.mean(1) if reduction is Reduction.MEAN else x.sum(1)).to(dtype)


def test_members_of_enums_and_types_are_refused_at_other_values() -> None:
    model, x = ByWord(), randn(2, 3)
    module = written(model, x, Reduction.SUM, torch.float64)
    wanted = model(x, Reduction.SUM, torch.float64)
    torch.testing.assert_close(module(x, Reduction.SUM, torch.float64), wanted)
    with pytest.raises(ValueError, match=r"this file was written for reduction=Reduction.SUM, not"):
        module(x, Reduction.MEAN, torch.float64)
    with pytest.raises(ValueError, match=r"written for dtype=torch.float64, not torch.float32"):
        module(x, Reduction.SUM, torch.float32)
