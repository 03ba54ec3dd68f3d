"""Sizes that the user's code gives a name keep it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify


def single(x: Tensor) -> Tensor:
    n = x.shape[1]
    return x.reshape(-1, n).relu() + n


def by_call(x: Tensor) -> Tensor:
    b = x.size(0)
    return x.reshape(b, -1).relu() + b


def side_by_side(x: Tensor) -> Tensor:
    b, n = x.size(0), x.shape[1]
    return x.reshape(b * n, -1).relu().reshape(n, b, -1)


def apart(x: Tensor) -> Tensor:
    b, c = x.size(0), x.size(2)
    return x.reshape(b, -1).relu().reshape(b, c, -1)


def first_two(x: Tensor) -> Tensor:
    b, n = x.shape[:2]
    return x.reshape(b * n, -1).relu().reshape(n, b, -1)


def last_two(x: Tensor) -> Tensor:
    n, c = x.shape[-2:]
    return x.reshape(-1, c * n).relu().reshape(-1, c, n)


def last(x: Tensor) -> Tensor:
    c = x.shape[-1]
    return x.reshape(-1, c).relu() / c


def with_a_star(x: Tensor) -> Tensor:
    b, n, c, more = (*x.size(), x.size(1))
    return x.reshape(b * n, c).relu().reshape(c, more, b)


def to_a_star(x: Tensor) -> Tensor:
    b, *rest = x.shape
    return x.reshape(b, -1).relu().reshape(b, *rest) + b


def as_a_whole(x: Tensor) -> Tensor:
    b, n, c = x.shape
    return x.reshape(b * n, c).relu().reshape(c, n, b)


def never_read(x: Tensor) -> Tensor:
    b = x.shape[0]  # noqa: F841
    return x.relu()


def without_a_name(x: Tensor) -> Tensor:
    return x.reshape(x.shape[0], -1).relu()


def computed(x: Tensor) -> Tensor:
    half = x.shape[1] // 2
    return x[:, :half].relu() + half


class Calls(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


@pytest.mark.parametrize(
    ("function", "lines"),
    [
        (single, ["n = x.shape[1]"]),
        (by_call, ["b = x.shape[0]"]),
        (side_by_side, ["b, n = x.shape[:2]"]),
        (apart, ["b, c = x.shape[0], x.shape[2]"]),
        (first_two, ["b, n = x.shape[:2]"]),
        (last_two, ["n, c = x.shape[-2:]"]),
        (last, ["c = x.shape[-1]"]),
        (with_a_star, ["b, n, c = x.shape", "more = x.shape[1]"]),
        (to_a_star, ["b = x.shape[0]"]),
        (as_a_whole, ["b, n, c = x.shape"]),
        (never_read, []),
        (without_a_name, []),
        (computed, ["half = x.shape[1] // 2"]),
    ],
)
def test_a_size_keeps_its_name(function: Callable[[Tensor], Tensor], lines: list[str]) -> None:
    result = unfoldify(Calls(function), (torch.randn(2, 4, 6),))
    body = result.source.partition("def forward(self, x):\n")[2].splitlines()
    found = [line.strip() for line in body]
    assert [line for line in found if " = x.shape" in line] == lines
    x = torch.randn(3, 8, 5)
    torch.testing.assert_close(result.module(x), function(x))


def test_the_names_are_read() -> None:
    source = unfoldify(Calls(side_by_side), (torch.randn(2, 4, 6),)).source
    assert "return x.reshape(b * n, -1).relu().reshape(n, b, -1)" in source
