"""Functions that remember tensors: recorded as they compute, and left without what a run made."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import unfoldify
from unfoldify.remembered import forgetting, remembering


@functools.lru_cache(maxsize=8)
def frequencies(n: int, width: int) -> Tensor:
    return torch.log(torch.arange(1, n + 1)[:, None] / torch.arange(1, width + 1)[None])


@functools.cache
def doubled(n: int) -> int:
    return 2 * n


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """As a package writes it that must also compile: the memory is in a closure."""
    remembering = functools.lru_cache(maxsize=4)(function)

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        return remembering(*args)

    return call


class Rotary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Linear(4, 4)

    @wrapped
    def bias(self, n: int) -> Tensor:
        return torch.linspace(0.1, 1.0, n)[:, None]

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x) * frequencies(x.shape[1], doubled(2)) + self.bias(x.shape[1])


class Twice(nn.Module):
    """The second part is handed what was computed in the first."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([Rotary(), Rotary()])
        self.last = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return self.last(x) + frequencies(x.shape[1], 4).sum()


def test_what_a_function_remembers_is_computed_in_the_file() -> None:
    model, x = Rotary(), torch.randn(2, 5, 4)
    model(x)  # the functions remember float32 numbers from here on
    result = unfoldify.unfoldify(model, x)
    assert "torch.log(" in result.source
    assert "torch.linspace(0.1, 1.0, x.shape[1])" in result.source
    other = torch.randn(3, 7, 4)
    torch.testing.assert_close(result.module(other), model(other))


def test_parts_that_share_what_is_remembered() -> None:
    model, x = Twice(), torch.randn(2, 5, 4)
    model(x)
    result = unfoldify.unfoldify(model, x)
    other = torch.randn(3, 7, 4)
    torch.testing.assert_close(result.module(other), model(other))


def test_no_float64_stays_behind() -> None:
    model, x = Twice(), torch.randn(2, 5, 4)
    unfoldify.unfoldify(model, x)
    assert model(x).dtype is torch.float32


def test_what_holds_no_tensor_stays_remembered() -> None:
    model = Rotary()
    model(torch.randn(2, 5, 4))
    before = doubled.cache_info().currsize
    assert before
    assert {doubled, frequencies} <= set(remembering(model))
    with forgetting(model):
        assert doubled.cache_info().currsize == before
        assert frequencies.cache_info().currsize == 0
