"""One item of what a call returns is taken at once, or unpacked as the user does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.sin(), x.cos()


class Nested(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return x.tan(), (x.sin(), x.cos())


class Calls(nn.Module):
    def __init__(self, forward: Callable[[Calls, Tensor], Tensor]) -> None:
        super().__init__()
        self.pair, self.nested, self.own = Pair(), Nested(), forward

    def forward(self, x: Tensor) -> Tensor:
        return self.own(self, x)


def named(model: Calls, x: Tensor) -> Tensor:
    encoded = model.pair(x)[0]
    return encoded * 2 + x


def returned(model: Calls, x: Tensor) -> Tensor:
    return model.pair(x)[1]  # type: ignore[no-any-return]


def deep(model: Calls, x: Tensor) -> Tensor:
    return model.nested(x)[1][0]  # type: ignore[no-any-return]


def unpacked(model: Calls, x: Tensor) -> Tensor:
    _, (h, _) = model.nested(x)
    return h * 2  # type: ignore[no-any-return]


def later(model: Calls, x: Tensor) -> Tensor:
    both = model.pair(x)
    y = x.relu()
    return y + both[1]  # type: ignore[no-any-return]


def twice(model: Calls, x: Tensor) -> Tensor:
    both = model.pair(x)
    return both[0] + both[1]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("forward", "line"),
    [
        (named, "encoded = self.pair(x)[0]"),
        (returned, "return self.pair(x)[1]"),
        (deep, "return self.nested(x)[1][0]"),
        (unpacked, "_, (h, _) = self.nested(x)"),
        (later, "self.pair(x)[1]"),
        (twice, " = self.pair(x)\n"),
    ],
)
def test_an_item_is_taken_where_it_is_read(
    forward: Callable[[Calls, Tensor], Tensor], line: str
) -> None:
    model, x = Calls(forward), torch.randn(3, 4)
    result = unfoldify(model, (x,))
    assert line in result.source
    torch.testing.assert_close(result.module(x), model(x))
