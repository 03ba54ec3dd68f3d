"""An argument that the user takes apart is taken apart; a part without a word is named by its place."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn, randn

import unfoldify


def written(model: nn.Module, *args: Any) -> unfoldify.pipeline.Result:
    return unfoldify.unfoldify(model, args)


def two() -> tuple[Tensor, Tensor]:
    return randn(2, 4), randn(2, 4)


class WithState(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor, state: Any, features: Any) -> Tensor:
        h, c = state
        first, (second, third) = features
        return self.fc(x) * h + c * first - second / third


def test_words_of_parts_are_given_in_one_line() -> None:
    result = written(WithState(), randn(2, 4), two(), [randn(2, 4), two()])
    head = "    def forward(self, x, state, features):\n"
    assert (
        f"{head}        h, c = state\n        first, (second, third) = features\n" in result.source
    )


def test_python_itself_refuses_another_length() -> None:
    result = written(WithState(), randn(2, 4), two(), [randn(2, 4), two()])
    assert "this file was written for" not in result.source
    with pytest.raises(ValueError, match="too many values to unpack"):
        result.module(randn(2, 4), (*two(), randn(2, 4)), [randn(2, 4), two()])


class ByPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
        return self.fc(torch.cat([pairs[0][0], pairs[1][1]], 1)) * pairs[0][0]


def test_what_has_no_word_is_named_by_its_place() -> None:
    result = written(ByPlace(), [two(), two()])
    assert "torch.cat([pairs[0][0], pairs[1][1]], 1)" in result.source
    assert "* pairs[0][0]" in result.source
    with pytest.raises(ValueError, match="this file was written for 2 values in pairs, not 1"):
        result.module([two()])
