"""Dropout by a chance that is 0 in evaluation is written as dropout in training."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import unfoldify


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.p = nn.Linear(8, 8), 0.1

    def forward(self, x: Tensor) -> Tensor:
        q = self.fc(x)
        return F.scaled_dot_product_attention(q, q, q, dropout_p=self.p if self.training else 0.0)


class Always(Attention):
    """A chance in both modes, so there is a choice to be written."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(self.fc(x), 0.3 if self.training else 0.2)


def test_a_chance_that_is_none_in_evaluation() -> None:
    source = unfoldify.unfoldify(Attention(), torch.randn(2, 5, 8)).source
    assert "weights = F.dropout(weights, 0.1, training=self.training)" in source
    assert "else 0.0" not in source


def test_two_chances_stay_a_choice() -> None:
    source = unfoldify.unfoldify(Always(), torch.randn(2, 5, 8)).source
    assert "0.3 if self.training else 0.2" in source
