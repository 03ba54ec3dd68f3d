"""A list of tensors that a module is given is one argument, under the user's own name."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from torch import Tensor, nn, randn

import unfoldify


def forward(source: str, name: str) -> str:
    """The forward of a class."""
    tree = ast.parse(source)
    cls = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    found = next(n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "forward")
    return ast.unparse(found)


def written(model: nn.Module, *args: Any) -> str:
    return unfoldify.unfoldify(model, args).source


class DenseLayer(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Linear(c, 3)

    def forward(self, features: list[Tensor]) -> Tensor:
        return self.conv(torch.cat(features, 1)).relu()


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = DenseLayer(2)
        self.second = DenseLayer(5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first([x])
        return self.second([x, y])


def test_lists_of_other_lengths_are_one_class() -> None:
    source = written(Dense(), randn(4, 2))
    assert source.count("class DenseLayer") == 1
    assert "    def forward(self, features):\n" in source
    assert "torch.cat(features, 1)" in source
    assert forward(source, "Dense") == (
        "def forward(self, x):\n    y = self.first([x])\n    return self.second([x, y])"
    )


class Pyramid(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        levels, gates = [], []
        for layer in self.layers:
            x = layer(x).relu()
            levels.append(x)
            gates.append(x.sigmoid())
        return x, levels, gates


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(4, 2) for _ in range(3))

    def forward(self, levels: list[Tensor], scale: Tensor, gates: list[Tensor]) -> Tensor:
        out = 0
        for head, level, gate in zip(self.heads, levels, gates, strict=True):
            out = out + head(level) * scale * gate[:, :1]
        return out


class OfLevels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = Pyramid()
        self.heads = Heads()

    def forward(self, x: Tensor) -> Tensor:
        last, levels, gates = self.backbone(x)
        return self.heads(levels, last.mean(), gates)


def test_lists_go_from_module_to_module_whole() -> None:
    source = written(OfLevels(), randn(3, 4))
    assert forward(source, "OfLevels") == (
        "def forward(self, x):\n"
        "    last, levels, gates = self.backbone(x)\n"
        "    return self.heads(levels, last.mean(), gates)"
    )
    head = "def forward(self, levels, scale, gates):\n"
    assert forward(source, "Heads").startswith(head)
    assert "for head, level, gate in zip(self.heads, levels, gates):" in source


class Fusion(nn.Module):
    """A list of pairs; the user has words for the parts of the first."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
        state, action = pairs[0]
        return self.fc(state * action) + pairs[1][0] - pairs[1][1]


class OfPairs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fusion = Fusion()

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.fusion([(a, b), (a.relu(), b.exp())])


class Outputs(nn.Module):
    """Lists that a module returns and its caller returns whole."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = Split()

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        scores, boxes = self.heads([x, x.relu()])
        return scores, boxes


class Split(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.score, self.box = nn.Linear(4, 2), nn.Linear(4, 3)

    def one(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.score(x), self.box(x)

    def forward(self, levels: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        scores, boxes = [], []
        for level in levels:
            s, b = self.one(level)
            scores.append(s)
            boxes.append(b)
        return scores, boxes


def test_lists_that_are_returned_stay_whole() -> None:
    source = written(Outputs(), randn(3, 4))
    assert forward(source, "Outputs") == (
        "def forward(self, x):\n"
        "    scores, boxes = self.heads([x, x.relu()])\n"
        "    return (scores, boxes)"
    )
    assert "scores.append(s)" in source
    assert "boxes.append(b)" in source


def test_pairs_in_a_list_stay_pairs() -> None:
    source = written(OfPairs(), randn(3, 4), randn(3, 4))
    assert forward(source, "OfPairs") == (
        "def forward(self, a, b):\n    return self.fusion([(a, b), (a.relu(), b.exp())])"
    )
    assert "state, action = pairs[0]" in forward(source, "Fusion")
    assert "pairs[1][0] - pairs[1][1]" in forward(source, "Fusion")


class Cell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(7, 8)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        gate, new = self.fc(torch.cat([x, h], 1)).chunk(2, 1)
        c = c * gate.sigmoid() + new
        h = c.tanh()
        return h, c


class OverTime(nn.Module):
    """The state goes round whole: its parts are called what the cell calls them."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = Cell()

    def first(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.new_zeros(x.shape[0], 4), x.new_ones(x.shape[0], 4)

    def forward(self, x: Tensor) -> Tensor:
        state = self.first(x)
        outputs = []
        for t in range(x.shape[1]):
            state = self.cell(x[:, t], state)
            outputs.append(state[0])
        return torch.stack(outputs, 1)


def test_a_state_of_parts_has_the_words_of_its_parts() -> None:
    source = forward(written(OverTime(), randn(2, 5, 3)), "OverTime")
    assert source == (
        "def forward(self, x):\n"
        "    h = x.new_zeros(x.shape[0], 4)\n"
        "    c = x.new_ones(x.shape[0], 4)\n"
        "    outputs = []\n"
        "    for t in range(x.shape[1]):\n"
        "        h, c = self.cell(x[:, t], (h, c))\n"
        "        outputs.append(h)\n"
        "    return torch.stack(outputs, 1)"
    )


class Graph(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor, supports: list[Tensor]) -> Tensor:
        out = self.fc(x)
        for support in supports:
            out = out + (support[:, :, None] * x).sum(dim=1)
        return out


class OfSupports(nn.Module):
    """The list holds tensors that no module has, and one that is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.supports = [randn(3, 3), randn(3, 3)]
        self.first, self.second = Graph(), Graph()

    def forward(self, x: Tensor) -> Tensor:
        supports = [*self.supports, x[:, :3]]
        return self.second(self.first(x, supports), supports)


def test_constants_in_a_list_are_of_the_module_that_has_the_list() -> None:
    source = written(OfSupports(), randn(3, 4))
    assert source.count("class Graph") == 1
    assert "self.constant0" in forward(source, "OfSupports")
    assert "self.constant0" not in forward(source, "Graph")


class UsesOne(nn.Module):
    """What is not all used is given one by one, as before."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, levels: list[Tensor]) -> Tensor:
        return self.fc(levels[-1])


class Last(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = UsesOne()

    def forward(self, x: Tensor) -> Tensor:
        return self.head([x, x.relu()])


class Shares(nn.Module):
    """One tensor in two places: by itself and in the list."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor, others: list[Tensor]) -> Tensor:
        return self.fc(x) + sum(others)


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = Shares()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x, [x, x.relu()])


@pytest.mark.parametrize(
    ("model", "call"),
    [(Last(), "self.head(x.relu())"), (Shared(), "self.head(x, x.relu())")],
    ids=["UsesOne", "Shares"],
)
def test_other_lists_come_item_by_item(model: nn.Module, call: str) -> None:
    assert f"return {call}" in forward(written(model, randn(3, 4)), type(model).__name__)
