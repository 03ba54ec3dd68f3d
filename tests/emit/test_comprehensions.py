"""A loop that only fills a list is a comprehension where it was one; else its value goes in at once."""

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


class Expert(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x).relu()


class Experts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleList(Expert() for _ in range(3))


class InBrackets(Experts):
    def forward(self, x: Tensor) -> Tensor:
        outputs = [expert(x).unsqueeze(1) for expert in self.experts]
        return torch.cat(outputs, dim=1)


class Appended(Experts):
    def forward(self, x: Tensor) -> Tensor:
        outputs = []
        for expert in self.experts:
            outputs.append(expert(x).unsqueeze(1))
        return torch.cat(outputs, dim=1)


class WithAWord(Experts):
    def forward(self, x: Tensor) -> Tensor:
        outputs = []
        for expert in self.experts:
            result = expert(x).unsqueeze(1)
            outputs.append(result)
        return torch.cat(outputs, dim=1)


class HandedOn(Experts):
    def forward(self, x: Tensor) -> Tensor:
        outputs = []
        for expert in self.experts:
            x = expert(x)
            outputs.append(x)
        return torch.cat(outputs, dim=1)


class SpelledOut(nn.Module):
    """A comprehension whose rounds take several lines."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(4, 2) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([head(x) for head in self.heads], dim=1)


def test_a_comprehension_stays_one() -> None:
    assert (
        "    outputs = [expert(x).unsqueeze(1) for expert in self.experts]\n"
        "    return torch.cat(outputs, dim=1)"
    ) in forward(written(InBrackets(), randn(2, 4)))


def test_a_value_without_a_word_goes_into_the_list_at_once() -> None:
    assert (
        "    outputs = []\n"
        "    for expert in self.experts:\n"
        "        outputs.append(expert(x).unsqueeze(1))\n"
    ) in forward(written(Appended(), randn(2, 4)))


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (WithAWord(), "result = expert(x).unsqueeze(1)"),
        (HandedOn(), "x = expert(x)"),
        (SpelledOut(), "for head in self.heads:"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_loops_keep_their_lines(model: nn.Module, line: str) -> None:
    assert line in forward(written(model, randn(2, 4)))
