"""`x.tolist()` is handed on whole where the user does so; its numbers are read where they are used."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from torch import Tensor, nn, randn

import unfoldify


class Split(nn.Module):
    def forward(self, x: Tensor, lengths: Tensor) -> Any:
        sizes = lengths.tolist()
        first, second, _ = (lengths * 2).tolist()
        a, b, c = x.split(sizes)
        d, _, e = x.split(sizes[::-1])
        return a * first, b + c.sum(), d * second, e, x[: sizes[1]], sizes


class OfRows(nn.Module):
    def forward(self, x: Tensor, lengths: Tensor) -> Any:
        rows = torch.stack([lengths, lengths]).tolist()
        return x.split(rows[0])[0] + x.split([rows[1][0], rows[1][1] + rows[1][2]])[0]


def body(model: nn.Module) -> list[str]:
    args = randn(6, 2), torch.tensor([1, 2, 3])
    tree = ast.parse(unfoldify.unfoldify(model, args).source)
    (forward,) = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return [ast.unparse(statement) for statement in forward.body]


def test_a_list_is_handed_on_whole() -> None:
    lines = body(Split())
    assert lines[:4] == [
        "sizes = lengths.tolist()",
        "first, second, _ = (lengths * 2).tolist()",
        "a, b, c = x.split(sizes)",
        "d, _, e = x.split([sizes[2], sizes[1], sizes[0]])",
    ]
    assert lines[4] == "return (a * first, b + c.sum(), d * second, e, x[:sizes[1]], sizes)"


def test_lists_in_a_list() -> None:
    lines = body(OfRows())
    assert lines[0] == "rows = torch.stack([lengths, lengths]).tolist()"
    assert "x.split(rows[0])" in lines[1]
    assert "x.split([rows[1][0], rows[1][1] + rows[1][2]])" in lines[1]


class Repeated(nn.Module):
    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        y = x.relu()
        return torch.cat([y] * self.times, dim=-1)


@pytest.mark.parametrize(("times", "text"), [(40, "[y] * 40"), (3, "[y] * 3"), (2, "[y, y]")])
def test_a_list_of_one_value_is_that_value_so_many_times(times: int, text: str) -> None:
    x = torch.randn(3, 2)
    result = unfoldify.unfoldify(Repeated(times), (x,))
    assert f"torch.cat({text}, dim=-1)" in result.source
    torch.testing.assert_close(result.module(x), torch.cat([x.relu()] * times, -1))
