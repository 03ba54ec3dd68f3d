"""An operator that is given functions is refused with its line and the way out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import unfoldify
from unfoldify.errors import CaptureError


class Cond(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = torch.cond(x.sum() > 0, self.a, self.b, (x,))
        return found


class Choice(Cond):
    """Its twin, with Python's own `if`."""

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.a(x) if x.shape[1] > 3 else self.b(x)
        return found


def test_torch_cond() -> None:
    with pytest.raises(CaptureError) as refused:
        unfoldify.unfoldify(Cond(), torch.randn(2, 4))
    said = str(refused.value)
    assert "test_higher_order.py:" in said
    assert "`torch.cond(x.sum() > 0, self.a, self.b, (x,))`" in said
    assert "cond is an operator that is given functions" in said
    assert "Python's own if" in said


def test_an_if_by_size() -> None:
    assert unfoldify.unfoldify(Choice(), torch.randn(2, 4)).report.verification.ok
