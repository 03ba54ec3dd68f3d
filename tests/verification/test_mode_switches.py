"""Models whose weights are others in evaluation than in training."""

from __future__ import annotations

import re
from typing import Self

import pytest
import torch
from torch import Tensor, nn

from unfoldify import CaptureError, unfoldify


class LowRank(nn.Linear):
    """A low-rank update that evaluation merges into the weight, if it is told to."""

    def __init__(self, *, merge_weights: bool) -> None:
        super().__init__(6, 5)
        self.a, self.b = nn.Parameter(torch.randn(2, 6)), nn.Parameter(torch.zeros(5, 2))
        self.merge_weights, self.merged = merge_weights, False

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.merge_weights and self.merged is mode:
            self.weight.data += (self.b @ self.a) * (-1 if mode else 1)
            self.merged = not mode
        return self

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return y if self.merged else y + x @ self.a.T @ self.b.T


def test_weights_that_evaluation_merges_are_told() -> None:
    model = nn.Sequential(nn.Linear(6, 6), LowRank(merge_weights=True))
    with pytest.raises(CaptureError) as caught:
        unfoldify(model, (torch.randn(3, 6),))
    wanted = (
        r"test_mode_switches\.py:\d+: LowRank\.eval\(\) changes 1\.weight, so that training and "
        r"evaluation compute with different weights, and a file is loaded with one set of them\.\n"
        r"Build the layer so that it leaves its weights alone \(in LoRA layers: merge_weights=False\), "
        r"or merge them for good before\."
    )
    assert re.search(wanted, str(caught.value))


def test_weights_that_stay_apart_are_written() -> None:
    model = LowRank(merge_weights=False)
    unfoldify(model, (torch.randn(3, 6),))  # raises where it is not equal
