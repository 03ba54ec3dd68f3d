"""A module that forward sends to where it is leaves no line; one that changes leaves its lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import unfoldify

MOVES: dict[str, Callable[[nn.Module, Tensor], Any]] = {
    "to the device of the input": lambda net, x: net.to(x.device),
    "by keyword": lambda net, x: net.to(device=x.device, non_blocking=True),
    "by name": lambda net, x: net.to("cpu"),
    "to the type of the input": lambda net, x: net.to(x.device, x.dtype),
    "as the input is": lambda net, x: net.to(x),
}
CHANGES: dict[str, Callable[[nn.Module, Tensor], Any]] = {
    "to another type": lambda net, x: net.to(torch.float64),
    "to a type that is no tensor's": lambda net, x: net.to(torch.float32),
}


class Net(nn.Module):
    def __init__(self, move: Callable[[nn.Module, Tensor], Any]) -> None:
        super().__init__()
        self.net, self.move = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), move

    def forward(self, x: Tensor) -> Tensor:
        self.move(self.net, x)
        found: Tensor = self.net(x)
        return found


class Cast(Net):
    def forward(self, x: Tensor) -> Tensor:
        self.move(self.net, x)
        found: Tensor = self.net(x.to(self.net[0].weight.dtype))
        return found


def written(model: nn.Module) -> str:
    return unfoldify.unfoldify(model, torch.randn(3, 4), check=False).source


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_a_module_that_stays(move: Callable[[nn.Module, Tensor], Any]) -> None:
    source = written(Net(move))
    assert ".to(" not in source
    assert ".data" not in source
    assert "no_grad" not in source


@pytest.mark.parametrize("move", CHANGES.values(), ids=CHANGES)
def test_a_module_that_changes(move: Callable[[nn.Module, Tensor], Any]) -> None:
    assert "self.net[0].weight.data = " in written(Cast(move))


def test_a_module_that_stays_is_verified() -> None:
    model = Net(MOVES["to the type of the input"])
    assert unfoldify.unfoldify(model, torch.randn(3, 4)).report.verification.ok


class Made(nn.Module):
    """A layer of one call, in the type of the input: it is made in torch's own first."""

    def forward(self, x: Tensor) -> Tensor:
        norm = nn.LayerNorm(4).to(x.dtype)
        found: Tensor = norm(x)
        return found


def test_a_layer_that_the_run_makes_is_given_its_type() -> None:
    assert "norm2.data = norm3" in written(Made())
