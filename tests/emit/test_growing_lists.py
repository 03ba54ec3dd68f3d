"""A loop whose rounds read the list that they add to stays a loop: dense blocks."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from torch import Tensor, nn, randn

import unfoldify


def forward(source: str) -> str:
    tree = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return ast.unparse(next(node for node in reversed(tree) if node.name == "forward"))


def written(model: nn.Module, *args: Any) -> str:
    return unfoldify.unfoldify(model, args).source


class DenseLayer(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Linear(c, 3)

    def forward(self, features: list[Tensor]) -> Tensor:
        return self.fc(torch.cat(features, 1)).relu()


class DenseBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DenseLayer(4 + 3 * i) for i in range(4))

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(layer(features))
        return torch.cat(features, 1)


def test_a_dense_block_is_a_loop() -> None:
    assert forward(written(DenseBlock(), randn(2, 4))) == (
        "def forward(self, x):\n"
        "    features = [x]\n"
        "    for layer in self.layers:\n"
        "        features.append(layer(features))\n"
        "    return torch.cat(features, 1)"
    )


class Joined(nn.Module):
    """The layers are spelled out where they are; the last value is used besides."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4 + 3 * i, 3) for i in range(4))

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            out = layer(torch.cat(features, 1)).relu()
            features.append(out)
        return torch.cat(features, 1).sum(1) * out.mean()


def test_a_loop_over_layers_reads_its_list() -> None:
    source = forward(written(Joined(), randn(2, 4)))
    assert "    features = [x]\n    for layer in self.layers:\n" in source
    assert "= torch.cat(features, 1)\n" in source
    assert "features.append(out)\n" in source
    assert source.endswith("return torch.cat(features, 1).sum(1) * out.mean()")


class WithoutTheFirst(DenseBlock):
    """What is read behind the loop is another list than the rounds read."""

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(layer(features))
        return torch.cat(features[1:], 1)


class Newest(nn.Module):
    """The list grows at its beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DenseLayer(4 + 3 * i) for i in range(4))

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features = [layer(features), *features]
        return torch.cat(features, 1)


@pytest.mark.parametrize(
    "model", [WithoutTheFirst(), Newest()], ids=lambda value: type(value).__name__
)
def test_other_lists_leave_the_rounds_in_a_row(model: nn.Module) -> None:
    source = forward(written(model, randn(2, 4)))
    assert "for " not in source
    assert "self.layers[3](" in source
