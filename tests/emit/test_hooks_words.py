"""The weight that a hook makes in front of a layer is called so; what the layer makes is not."""

from __future__ import annotations

import pytest
import torch.nn.functional as F
from torch import Tensor, nn, randn
from torch.nn.utils import weight_norm

import unfoldify


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = weight_norm(nn.Linear(3, 3))
        self.conv = weight_norm(nn.Conv1d(3, 3, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        softened = F.softsign(self.fc(x))
        out = self.conv(softened.transpose(1, 2))
        return out + self.fc(x).mean()


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
def test_the_weight_of_a_hook() -> None:
    source = unfoldify.unfoldify(Normed(), (randn(4, 5, 3),)).source
    assert source.count("weight = torch._weight_norm(") == 3
    assert source.count("_weight_norm(") == 3
    assert 'w = rearrange(weight, "o i -> i o")\n' in source
    assert "weight = (" not in source
    assert "weight + self.fc.bias" not in source
