"""Layers that torch wrapped stay declared, in the call that wraps them; others are classes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

import unfoldify


class Twice(nn.Module):
    """A layer of that make, used as a user would."""

    def __init__(self, layer: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.first, self.last = layer(), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x))


def source(layer: Callable[[], nn.Module]) -> str:
    return unfoldify.unfoldify(Twice(layer), torch.randn(3, 4)).source


@pytest.mark.parametrize(
    ("layer", "wanted"),
    [
        (
            lambda: parametrizations.weight_norm(nn.Linear(4, 4)),
            "nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))",
        ),
        (
            lambda: parametrizations.weight_norm(nn.Linear(4, 4, bias=False), dim=None),
            "nn.utils.parametrizations.weight_norm(nn.Linear(4, 4, bias=False), dim=None)",
        ),
        (
            lambda: parametrizations.spectral_norm(nn.Linear(4, 4), n_power_iterations=2),
            "nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4), n_power_iterations=2)",
        ),
        (
            lambda: nn.utils.spectral_norm(nn.Linear(4, 4), eps=1e-6),
            "nn.utils.spectral_norm(nn.Linear(4, 4), eps=1e-6)",
        ),
    ],
)
def test_declared_as_its_author_made_it(layer: Callable[[], nn.Module], wanted: str) -> None:
    text = source(layer)
    assert f"self.first = {wanted}\n" in text
    assert text.count("class ") == 1


class Symmetric(nn.Module):
    def forward(self, w: Tensor) -> Tensor:
        return w.triu() + w.triu(1).transpose(-1, -2)


def own() -> nn.Module:
    layer = nn.Linear(4, 4)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    return layer


def torch_s_and_own() -> nn.Module:
    layer = parametrizations.weight_norm(nn.Linear(4, 4))
    parametrize.register_parametrization(layer, "weight", Symmetric())
    return layer


@pytest.mark.parametrize("layer", [own, torch_s_and_own])
def test_what_torch_did_not_wrap_alone_is_a_class(layer: Callable[[], nn.Module]) -> None:
    text = source(layer)
    assert "nn.utils" not in text
    assert "class ParametrizedLinear(nn.Module):" in text


def test_weights_of_a_seed_are_the_original_s() -> None:
    make = lambda: nn.utils.spectral_norm(nn.Linear(4, 4))  # noqa: E731
    result = unfoldify.unfoldify(Twice(make), torch.randn(3, 4))
    torch.manual_seed(5)
    wanted = Twice(make).state_dict()
    torch.manual_seed(5)
    found = type(result.module)().state_dict()
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


class Dilated(nn.Module):
    def __init__(self, dilation: int) -> None:
        super().__init__()
        conv = nn.Conv1d(4, 4, 3, dilation=dilation, padding=dilation)
        self.conv = nn.utils.weight_norm(conv)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).relu()


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm`")
def test_numbers_of_a_layer_that_is_a_class_are_arguments() -> None:
    """A class of tensors alone has no `padding` to be read."""
    model = nn.Sequential(Dilated(2), Dilated(4), Dilated(3))
    result = unfoldify.unfoldify(model, torch.randn(2, 4, 20))
    assert result.source.count("class Dilated(nn.Module):") == 1
    assert "conv.padding" not in result.source
