"""One activation in many places is written where it stands; what holds something stays one."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import unfoldify
from unfoldify.stateless import apart

NET = """
class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(4, 8), nn.SiLU(), nn.Linear(8, 4), nn.SiLU())

    def forward(self, x):
        w = rearrange(self.mlp[0].weight, "o i -> i o")
        mlp = (rearrange(x, "b i -> b i 1") * w).sum(dim=-2)
        mlp = mlp + self.mlp[0].bias
        mlp = self.mlp[1](mlp)
        w = rearrange(self.mlp[2].weight, "o i -> i o")
        mlp = (rearrange(mlp, "b i -> b i 1") * w).sum(dim=-2)
        mlp = mlp + self.mlp[2].bias
        return x + self.mlp[3](mlp)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_0 = Layer()
        self.layer_1 = Layer()

    def forward(self, x):
        return self.layer_1(self.layer_0(x))
"""


class Layer(nn.Module):
    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(4, 8), act, nn.Linear(8, 4), act)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mlp(x)


class Net(nn.Module):
    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.layer_0, self.layer_1 = Layer(act), Layer(act)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer_1(self.layer_0(x))


def test_one_activation_in_many_places() -> None:
    act = nn.SiLU()
    model = Net(act)
    result = unfoldify.unfoldify(model, torch.randn(2, 4))
    classes = [n for n in ast.parse(result.source).body if isinstance(n, ast.ClassDef)]
    assert ast.unparse(ast.Module(classes, [])) == ast.unparse(ast.parse(NET))
    assert list(result.module.state_dict()) == list(model.state_dict())
    assert all(layer.mlp[at] is act for layer in (model.layer_0, model.layer_1) for at in (1, 3))


@pytest.mark.parametrize(
    "act",
    [
        nn.Sigmoid(),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.5),
        nn.Identity(),
        nn.Flatten(0),
        nn.MaxPool1d(1),
    ],
    ids=lambda act: type(act).__name__,
)
def test_what_holds_nothing_is_made_in_each_place(act: nn.Module) -> None:
    model = Net(act)
    with apart(model):
        places = [layer.mlp[at] for layer in (model.layer_0, model.layer_1) for at in (1, 3)]
        assert len({id(place) for place in places}) == 4
    assert model.layer_1.mlp[3] is act


def hooked() -> nn.Module:
    act = nn.ReLU()
    act.register_forward_hook(lambda module, args, result: result * 2)
    return act


def with_a_forward_of_its_own() -> nn.Module:
    act = nn.ReLU()
    act.forward = torch.tanh  # type: ignore[method-assign, assignment]
    return act


class Mine(nn.ReLU):
    """It may keep what it sees."""


@pytest.mark.parametrize(
    "make",
    [nn.PReLU, lambda: nn.BatchNorm1d(8), hooked, with_a_forward_of_its_own, Mine],
    ids=["parameter", "buffers", "hook", "forward", "subclass"],
)
def test_what_can_be_told_from_a_copy_stays_one(make: Callable[[], nn.Module]) -> None:
    act = make()
    model = Net(act)
    with apart(model):
        assert all(
            layer.mlp[at] is act for layer in (model.layer_0, model.layer_1) for at in (1, 3)
        )


def test_a_parameter_in_many_places_is_tied() -> None:
    source = unfoldify.unfoldify(Net(nn.PReLU()), torch.randn(2, 4)).source
    assert "self.layer_1.mlp[3] = self.layer_0.mlp[1]  # one module, two names" in source


def test_the_object_is_back_after_an_error() -> None:
    act = nn.SiLU()
    model = Net(act)
    with pytest.raises(unfoldify.UnfoldifyError):
        unfoldify.unfoldify(model, torch.randn(2, 5))
    assert model.layer_1.mlp[3] is act
