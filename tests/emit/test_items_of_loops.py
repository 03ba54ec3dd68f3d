"""In a loop over modules, an item and what it computes have names of one, the list that of many."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from torch import Tensor, nn, randn

import unfoldify
from unfoldify.emit.words_for_values import item_word, one_of


class Scaled(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x.exp() * self.scale


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleList(Scaled(0.5 + at) for at in range(3))
        self.norms_1 = nn.ModuleList(nn.LayerNorm(4) for _ in range(3))


class Listed(Base):
    def forward(self, x: Tensor) -> Tensor:
        parts = x.chunk(3)
        expert_outputs = [self.experts[i](parts[i]) for i in range(3)]
        return torch.cat(expert_outputs)


class Appended(Base):
    def forward(self, x: Tensor) -> Tensor:
        Y = []
        for i in range(3):
            Y.append(self.experts[i](x))
        return torch.cat(Y)


class NoPlural(Base):
    def forward(self, x: Tensor) -> Tensor:
        gathered = []
        for i in range(3):
            gathered.append(self.experts[i](x))
        return torch.cat(gathered)


class Numbered(Base):
    def forward(self, x: Tensor) -> Tensor:
        for i in range(3):
            x = self.experts[i](self.norms_1[i](x)) + x
        return x


class NamedByTheUser(Base):
    def forward(self, x: Tensor) -> Tensor:
        every = []
        for expert in self.experts:
            found = expert(x)
            every.append(found)
        return torch.cat(every)


def body(model: nn.Module, *args: Any) -> list[str]:
    torch.manual_seed(0)
    tree = ast.parse(unfoldify.unfoldify(model, args).source)
    last = [node for node in tree.body if isinstance(node, ast.ClassDef)][-1]
    forward = last.body[-1]
    assert isinstance(forward, ast.FunctionDef)
    return [line for statement in forward.body for line in ast.unparse(statement).splitlines()]


@pytest.mark.parametrize(
    ("model", "lines"),
    [
        (
            Listed,
            [
                "expert_outputs = [expert(item) for expert, item in zip(self.experts, x.chunk(3))]",
                "return torch.cat(expert_outputs)",
            ],
        ),
        (
            Appended,
            [
                "Y = []",
                "for expert in self.experts:",
                "    Y.append(expert(x))",
                "return torch.cat(Y)",
            ],
        ),
        (
            NoPlural,
            [
                "gathered = []",
                "for expert in self.experts:",
                "    gathered.append(expert(x))",
                "return torch.cat(gathered)",
            ],
        ),
        (
            Numbered,
            [
                "for norm_1, expert in zip(self.norms_1, self.experts):",
                "    x = expert(norm_1(x)) + x",
                "return x",
            ],
        ),
        (
            NamedByTheUser,
            [
                "every = []",
                "for expert in self.experts:",
                "    found = expert(x)",
                "    every.append(found)",
                "return torch.cat(every)",
            ],
        ),
    ],
)
def test_names_in_a_loop(model: type[nn.Module], lines: list[str]) -> None:
    assert body(model(), randn(6, 4)) == lines


@pytest.mark.parametrize(
    ("word", "one"),
    [
        ("entries", "entry"),
        ("outs", "out"),
        ("norms_1", "norm_1"),
        ("convs2", "conv2"),
        ("class", "class"),
        ("x1", "x1"),
    ],
)
def test_one_of_many(word: str, one: str) -> None:
    assert one_of(word) == one


@pytest.mark.parametrize(("word", "item"), [("outs", "out"), ("Y", "y"), ("y", None), ("h", None)])
def test_an_item_of_a_list(word: str, item: str | None) -> None:
    assert item_word(word) == item


class Mix(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        a, b = xs
        return [self.fine(a) + b.mean(1, keepdim=True), self.coarse(b) + a.mean(1, keepdim=True)]


class Scales(nn.Module):
    """Blocks that hand a list on, whose items a second loop then goes over."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Mix() for _ in range(2))
        self.heads = nn.ModuleList(nn.Linear(n, 3) for n in (8, 4))

    def forward(self, x: Tensor) -> Tensor:
        xs = [x, x[:, ::2]]
        for block in self.blocks:
            xs = block(xs)
        return sum(head(x.permute(0, 2, 1)) for head, x in zip(self.heads, xs, strict=True))


def test_what_a_loop_hands_on_is_not_the_sequence_of_the_next() -> None:
    result = unfoldify.unfoldify(Scales(), (torch.randn(2, 8, 6),))
    assert "None" not in result.source
    assert result.module(torch.randn(3, 8, 6)).shape == (3, 6, 3)


class SecondFirst(Base):
    """The second of two lists is what a round begins with."""

    def forward(self, x: Tensor) -> Tensor:
        for norm, expert in zip(self.norms_1, self.experts, strict=True):
            x = norm(expert(x)) + x
        return x


def test_variables_are_of_the_lists_that_the_user_says() -> None:
    source = unfoldify.unfoldify(SecondFirst(), (randn(3, 4),)).source
    assert "for norm, expert in zip(self.norms_1, self.experts):" in source
    assert "x = norm(expert(x)) + x" in source
