"""A loop in a loop of the user's is one in the file, whatever its rounds go over."""

from __future__ import annotations

import textwrap

import pytest
import torch
from torch import Tensor, nn, randn

import unfoldify


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.linspace(-1, 1, 4))


class TwoSequences(Base):
    """The inner loop goes over the same items in each round of the outer one."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        outer = []
        for p in a:
            inner = []
            for q in b:
                inner.append((p * q).tanh() * self.w)
            outer.append(torch.stack(inner))
        return torch.stack(outer)


class ItemsOfItems(Base):
    """The inner loop goes over the outer one's item, and hands a state on."""

    def forward(self, x: Tensor, start: Tensor) -> Tensor:
        states = []
        for rows in x:
            h = start * self.w
            for row in rows:
                h = torch.tanh(row + h)
            states.append(h)
        return torch.stack(states)


class Numbered(Base):
    def forward(self, x: Tensor, out: Tensor) -> Tensor:
        out = out * self.w
        for i in range(x.shape[0]):
            for t in range(x.shape[1]):
                out[i, t] = x[i, t].tanh()
        return out


class DifferentRounds(Base):
    """The second round does something else inside: no loop of the outer ones."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        outer = []
        for i in range(2):
            rows = [row.tanh() if i else row.exp() for row in x]
            outer.append(torch.stack(rows) * self.w)
        return torch.stack(outer) + y


BY_NUMBER = """
out = out * self.w
for i in range(x.shape[0]):
    for t in range(x.shape[1]):
        out[i, t] = x[i, t].tanh()
return out
"""
WRITTEN: list[tuple[type[nn.Module], tuple[Tensor, Tensor], str]] = [
    (
        TwoSequences,
        (randn(3, 4), randn(5, 4)),
        """
        outer = []
        for p in a.unbind(0):
            inner = []
            for q in b.unbind(0):
                inner.append((p * q).tanh() * self.w)
            outer.append(torch.stack(inner))
        return torch.stack(outer)
        """,
    ),
    (
        ItemsOfItems,
        (randn(3, 5, 4), randn(4)),
        """
        states = []
        for rows in x.unbind(0):
            h = start * self.w
            for row in rows.unbind(0):
                h = torch.tanh(row + h)
            states.append(h)
        return torch.stack(states)
        """,
    ),
    (Numbered, (randn(3, 5, 4), randn(3, 5, 4)), BY_NUMBER),
    (Numbered, (randn(3, 2, 4), randn(4, 3, 4)), BY_NUMBER),  # of two rounds
]


@pytest.mark.parametrize(("build", "args", "want"), WRITTEN)
def test_a_loop_in_a_loop(build: type[nn.Module], args: tuple[Tensor, Tensor], want: str) -> None:
    result = unfoldify.unfoldify(build(), args)
    assert result.report.verification.ok
    assert not result.report.fixed_sizes
    body = result.source.partition("def forward(")[2].partition("\n")[2]
    assert textwrap.dedent(body).strip() == textwrap.dedent(want).strip()


def test_rounds_that_differ_inside_are_no_loop() -> None:
    source = unfoldify.unfoldify(DifferentRounds(), (randn(3, 4), randn(3, 4))).source
    assert source.count(".exp()") == source.count(".tanh()") == 1
    assert source.count("for row in x.unbind(0)") == 2


class Tree(nn.Module):
    """A soft decision tree: in each layer two rounds for each node of the layer before."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes = nn.Linear(6, 7)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        right = self.nodes(x).sigmoid().unsqueeze(2)
        paths, there = torch.cat((right, 1 - right), 2), x.new_ones(x.size(0), 1, 1)
        penalty, begin = torch.tensor(0.0), 0
        for layer in range(3):
            here = paths[:, begin : begin + 2**layer]
            penalty = penalty + self.penalty(layer, there, here)
            there = there.view(x.size(0), -1, 1).repeat(1, 1, 2) * here
            begin += 2**layer
        return there, penalty

    def penalty(self, layer: int, there: Tensor, here: Tensor) -> Tensor:
        penalty, n = torch.tensor(0.0), there.size(0)
        there, here = there.view(n, 2**layer), here.view(n, 2 ** (layer + 1))
        for node in range(2 ** (layer + 1)):
            alpha = (here[:, node] * there[:, node // 2]).sum(0) / there[:, node // 2].sum(0)
            penalty -= 0.5 * (torch.log(alpha) + torch.log(1 - alpha))
        return penalty


def test_the_index_of_an_inner_loop_is_nothing_to_begin_with() -> None:
    model, x = Tree(), torch.rand(3, 6)
    result = unfoldify.unfoldify(model, (x,))
    assert "index_of_round" not in result.source
    torch.testing.assert_close(result.module(x), model(x))
