"""Tensor types from before `torch.tensor`, wherever a model keeps them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify


class InAnAttribute(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.FloatTensor = torch.FloatTensor

    def forward(self, x: Tensor) -> Tensor:
        mean = self.fc(x)
        return mean + self.FloatTensor(mean.size()).normal_()


class InItsClass(InAnAttribute):
    kind = torch.FloatTensor

    def forward(self, x: Tensor) -> Tensor:
        mean = self.fc(x)
        return mean + self.kind(mean.size()).normal_()


class OfATensor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        b, n, _ = x.shape
        nothing = torch.Tensor(torch.zeros(b, n, 2))
        y = self.fc(torch.cat([x, nothing], dim=2))
        return y * torch.Tensor(y)


@pytest.mark.parametrize("cls", [InAnAttribute, InItsClass])
def test_a_type_that_the_model_keeps(cls: type[InAnAttribute]) -> None:
    model = cls()
    source = unfoldify(model, (torch.randn(3, 4),)).source
    assert "torch.empty(mean.shape)" in source
    assert model.FloatTensor is torch.FloatTensor
    assert vars(cls).get("kind", torch.FloatTensor) is torch.FloatTensor


def test_of_a_tensor_it_is_that_tensor() -> None:
    source = unfoldify(OfATensor(), (torch.randn(2, 3, 2),)).source
    assert "nothing = torch.zeros(b, n, 2)\n" in source
    assert source.endswith(("return y * y\n", "return x * x\n"))


def test_what_a_model_keeps_and_nobody_calls_stays() -> None:
    class Keeps(nn.Linear):
        def __init__(self) -> None:
            super().__init__(4, 4)
            self.kind = torch.FloatTensor

    source = unfoldify(Keeps(), (torch.randn(2, 4),)).source
    assert "Tensor" not in source
