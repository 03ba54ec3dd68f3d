"""Layers that were turned complex, and parameters that are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify

pytestmark = pytest.mark.filterwarnings("ignore:Complex modules are a new feature")


class Turned(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ups = nn.ModuleList([nn.Linear(4, 4).to(torch.cfloat) for _ in range(2)])
        self.ups.requires_grad_(False)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.fft.fft(x)
        for up in self.ups:
            y = up(y)
        return self.head(y.abs())


class OfItsOwn(nn.Module):
    """A parameter that is complex from the start, beside a buffer that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(4, 4, dtype=torch.cfloat))
        self.register_buffer("scale", torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        return (torch.fft.fft(x) @ self.w).abs() * self.scale


def test_layers_that_were_turned_complex_say_so() -> None:
    model = Turned()
    result = unfoldify(model, (torch.randn(3, 4),))
    assert (
        "        self.ups.to(torch.complex64)\n        self.ups.requires_grad_(False)\n"
    ) in result.source
    weights = {name: p.dtype for name, p in result.module.named_parameters()}
    assert weights == {name: p.dtype for name, p in model.named_parameters()}


def test_a_complex_parameter_turns_nothing_around_it() -> None:
    result = unfoldify(OfItsOwn(), (torch.randn(3, 4),))
    assert "nn.Parameter(torch.randn(4, 4, dtype=torch.complex64))" in result.source
    assert ".to(" not in result.source
