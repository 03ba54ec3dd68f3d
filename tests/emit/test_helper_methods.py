"""A method of the user's that calls layers, more than once, is a method of the emitted class."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from torch import Tensor, nn, randn

import unfoldify


def methods(source: str, name: str) -> dict[str, str]:
    """The text of each method of a class but its constructor."""
    tree = ast.parse(source)
    cls = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    found = [node for node in cls.body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.unparse(node) for node in found if node.name != "__init__"}


def written(model: nn.Module, *args: Any) -> str:
    return unfoldify.unfoldify(model, args).source


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.fc(x))


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1)
        )
        self.head = Head()

    def forward_once(self, x: Tensor) -> Tensor:
        """One picture's embedding.

        Args:
            x: a batch of pictures
        """
        # the features
        output = self.cnn(x)
        output = output.view(output.size(0), -1)
        return self.head(output)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        output1 = self.forward_once(input1)
        output2 = self.forward_once(input2)
        return (output1 - output2).abs().sum(dim=1)


def test_a_method_is_written_once_with_its_own_words() -> None:
    found = methods(written(Siamese(), randn(2, 1, 5, 5), randn(2, 1, 5, 5)), "Siamese")
    assert list(found) == ["forward_once", "forward"]
    assert found["forward_once"].startswith(
        'def forward_once(self, x):\n    """One picture\'s embedding."""\n'
    )
    assert found["forward"] == (
        "def forward(self, input1, input2):\n"
        "    output1 = self.forward_once(input1)\n"
        "    output2 = self.forward_once(input2)\n"
        "    return (output1 - output2).abs().sum(dim=1)"
    )


def test_the_comment_above_a_sequential_stands_above_its_first_layer() -> None:
    source = written(Siamese(), randn(2, 1, 5, 5), randn(2, 1, 5, 5))
    assert "        # the features\n        # cnn.0: 3x3\n" in source


class TwoLevels(nn.Module):
    """A method that calls another; each instance has its own numbers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.inner = nn.Linear(4, width)
        self.outer = nn.Linear(width, 4)

    def up(self, x: Tensor) -> Tensor:
        return (self.inner(x) / self.width).relu()

    def both(self, x: Tensor) -> Tensor:
        return self.outer(self.up(x)) + self.outer(self.up(-x))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.both(x) * self.both(y)


class Levels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide = TwoLevels(6)
        self.narrow = TwoLevels(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.wide(x, x.tanh()) + self.narrow(x, x.exp())


def test_methods_call_each_other_and_classes_stay_one() -> None:
    source = written(Levels(), randn(2, 4))
    found = methods(source, "TwoLevels")
    assert list(found) == ["up", "both", "forward"]
    assert found["both"].count("self.up(") == 2
    assert found["forward"] == ("def forward(self, x, y):\n    return self.both(x) * self.both(y)")
    assert source.count("class TwoLevels") == 1


class Momentum(nn.Module):
    """Once with gradients and once without; a float beside a size."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def features(self, x: Tensor) -> Tensor:
        return self.fc(x).relu() * (0.5 * x.shape[0])

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        query = self.features(x)
        with torch.no_grad():
            key = self.features(y)
        return query * key


def test_a_method_is_called_with_and_without_gradients() -> None:
    found = methods(written(Momentum(), randn(2, 4), randn(2, 4)), "Momentum")
    assert found["forward"] == (
        "def forward(self, x, y):\n"
        "    query = self.features(x)\n"
        "    with torch.no_grad():\n"
        "        key = self.features(y)\n"
        "    return query * key"
    )


class CallsItself(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(4, 4), nn.Linear(4, 4)

    def node(self, x: Tensor, depth: int) -> Tensor:
        if depth == 0:
            return x
        left, right = self.left(x).relu(), self.right(x).tanh()
        return self.node(left, depth - 1) + self.node(right, depth - 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.node(x, 3)


def test_a_method_that_calls_itself_is_written_at_one_depth() -> None:
    source = written(CallsItself(), randn(2, 4))
    assert "def linear(x, layer):" in source
    assert methods(source, "CallsItself")["node"].count("self.node(") == 0


class CalledOnce(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def embed(self, x: Tensor) -> Tensor:
        return self.fc(x).relu() * 2

    def forward(self, x: Tensor) -> Tensor:
        return self.embed(x)


class OtherEachTime(nn.Module):
    """What the method does hangs on its argument."""

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Linear(4, 4)
        self.far = nn.Linear(4, 4)

    def embed(self, x: Tensor, layer: nn.Module) -> Tensor:
        return layer(x).relu() * 2

    def forward(self, x: Tensor) -> Tensor:
        return self.embed(x, self.near) * self.embed(x, self.far)


class KeepsCount(nn.Module):
    """A method that sets an attribute."""

    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("count", torch.zeros(()))

    def embed(self, x: Tensor) -> Tensor:
        self.count = self.count + 1
        return self.fc(x).relu() * 2

    def forward(self, x: Tensor) -> Tensor:
        return self.embed(x) * self.embed(x.tanh())


@pytest.mark.parametrize(
    "model", [CalledOnce(), OtherEachTime(), KeepsCount()], ids=lambda value: type(value).__name__
)
def test_other_methods_leave_their_lines_where_they_are_called(model: nn.Module) -> None:
    source = written(model, randn(3, 4))
    assert list(methods(source, type(model).__name__)) == ["forward"]
