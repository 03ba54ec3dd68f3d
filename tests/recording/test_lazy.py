"""Lazy layers: filled by the command, asked for by the library, left alone where nobody calls them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn, randn
from torch.nn.parameter import is_lazy

import unfoldify
from unfoldify.loading.load import load
from unfoldify.loading.target import Target


def net() -> nn.Module:
    return nn.Sequential(nn.BatchNorm1d(3), nn.LazyLinear(4))


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.other = nn.Linear(3, 4), nn.LazyLinear(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


def test_the_library_changes_no_model_and_asks_for_a_first_call() -> None:
    model = net()
    with pytest.raises(unfoldify.CaptureError) as refusal:
        unfoldify.unfoldify(model, randn(2, 3))
    assert str(refusal.value) == (
        "Sequential: 1.bias has no shape before the model's first call, and unfoldify changes no "
        "model.\nCall the model once, model(*args), and then unfoldify."
    )
    assert is_lazy(model[1].weight)
    model(randn(2, 3))
    assert "nn.Linear(3, 4)" in unfoldify.unfoldify(model, randn(2, 3)).source


def test_the_command_makes_the_first_call(user_file: Callable[..., Path]) -> None:
    source = "import torch\nfrom torch import nn\n"
    source += "net = nn.Sequential(nn.BatchNorm1d(3), nn.LazyLinear(4))\n"
    path = user_file("net.py", source + "example_inputs = torch.randn(2, 3) + 5\n")
    found = load(Target(str(path)))
    assert found.model[1].weight.shape == (4, 3)
    assert torch.equal(found.model[0].running_mean, torch.zeros(3))
    assert found.model[0].training


def test_a_lazy_layer_that_is_never_called_stays_lazy() -> None:
    model = Unused()
    result = unfoldify.unfoldify(model, randn(2, 3))
    assert result.report.verification.ok
    assert "self.other = nn.LazyLinear(2)" in result.source
    assert is_lazy(model.other.weight)


GROWS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.head = None

    def forward(self, x):
        if self.head is None:
            self.head = nn.Linear(x.shape[-1], 4)
        return self.head(self.norm(x))


example_inputs = torch.randn(5, 3)
"""


def test_the_command_declares_layers_that_the_first_call_makes(
    user_file: Callable[..., Path],
) -> None:
    loaded = load(Target(str(user_file("net.py", GROWS))))
    assert list(loaded.model.state_dict())[-2:] == ["head.weight", "head.bias"]
    assert loaded.model.norm.num_batches_tracked == 0
    result = unfoldify.unfoldify(loaded.model, loaded.args)
    assert "self.head = nn.Linear(3, 4)" in result.source


def test_a_model_that_only_runs_is_not_changed_by_looking(user_file: Callable[..., Path]) -> None:
    source = GROWS.replace("self.head = None", "self.head, self.calls = nn.Linear(3, 4), 0")
    source = source.replace("        return", "        self.calls += 1\n        return")
    model = load(Target(str(user_file("net.py", source)))).model
    assert model.calls == 0
    assert model.norm.num_batches_tracked == 0
