"""Random small models: whatever is drawn, the file runs and is equal."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import unfoldify

WIDTH = 4
NAMES = [
    "fc",
    "lambda",
    "in",
    "torch",
    "F",
    "rearrange",
    "self_",
    "x",
    "weights",
    "a b",
    "0",
    "größe",
]
UNARY: list[Callable[[Tensor], Tensor]] = [
    operator.neg,
    torch.tanh,
    lambda x: x.sin(),
    lambda x: x.clamp(min=-1, max=1),
    lambda x: x.softmax(-1),
    lambda x: x[..., [1, 0, 3, 2]],
    lambda x: x.flatten(1).view(x.shape),
]
BINARY: list[Callable[[Any, Any], Any]] = [
    operator.add,
    operator.sub,
    operator.mul,
    lambda x, y: x / (y * y + 1),
    lambda x, y: 1 - x - (y - 2 * x),
    lambda x, y: -(x.abs() ** 2) + (-y) ** 2,
    lambda x, y: torch.where((x > 0) & ~(y < 0), x, y),
    lambda x, y: x @ (y.transpose(-2, -1) @ y),
]


class Random(nn.Module):
    """A forward that follows a list of steps, each on values that are there already."""

    def __init__(self, steps: list[tuple[str, int, int, int]], parts: dict[str, nn.Module]):
        super().__init__()
        self.steps, self.part_names = steps, list(parts)
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for kind, which, i, j in self.steps:
            a, b = values[i % len(values)], values[j % len(values)]
            if kind == "part" and self.part_names:
                name = self.part_names[which % len(self.part_names)]
                values.append(self._modules[name](a))
            elif kind == "binary":
                values.append(BINARY[which % len(BINARY)](a, b).tanh())
            else:
                values.append(UNARY[which % len(UNARY)](a))
        return values[-1]


steps = st.lists(
    st.tuples(st.sampled_from(["part", "unary", "binary"]), *[st.integers(0, 7)] * 3),
    min_size=1,
    max_size=6,
)

pytestmark = pytest.mark.slow  # many models, each recorded and verified in full
LEAVES = [lambda: nn.Linear(WIDTH, WIDTH), nn.GELU, lambda: nn.LayerNorm(WIDTH)]


@st.composite
def models(draw: st.DrawFn, depth: int = 2) -> nn.Module:
    """A module whose parts are layers, modules of the same sort, and parts used twice."""
    parts: dict[str, nn.Module] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True)):
        kind = draw(st.integers(0, 5))
        if parts and kind == 0:
            parts[name] = draw(st.sampled_from(list(parts.values())))
        elif depth and kind < 3:
            parts[name] = draw(models(depth - 1))
        else:
            parts[name] = draw(st.sampled_from(LEAVES))()
    return Random(draw(steps), parts)


def check(model: nn.Module) -> None:
    result = unfoldify.unfoldify(model, torch.randn(2, 3, WIDTH))
    assert result.report.verification is not None
    assert result.report.verification.ok
    assert list(result.module.state_dict()) == list(model.state_dict())


COMMON: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
}


@settings(max_examples=15, **COMMON)
@given(models())
def test_a_few(model: nn.Module) -> None:
    check(model)


@pytest.mark.slow
@settings(max_examples=150, **COMMON)
@given(models())
def test_many(model: nn.Module) -> None:
    check(model)
