"""A model whose way the values of tensors decide is refused, also where the usual weights agree."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import unfoldify


class Chosen(nn.Module):
    """One of the layers, by a gate whose choice no small change of its weights would turn."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.arange(40.0).where(torch.arange(40) != 7, 1e4))
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(40))

    def forward(self, x: Tensor) -> Tensor:
        best = int(self.gate.argmax())
        out: Tensor = self.layers[best](x)
        return out


class Looks(nn.Module):
    """Looks at the same value, and does the same whatever it is."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.arange(40.0))
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        if int(self.gate.argmax()) < 0:
            raise ValueError("no gate")
        out: Tensor = self.layer(x)
        return out


def test_a_choice_among_layers_is_refused() -> None:
    for seed in range(3):
        torch.manual_seed(seed)
        with pytest.raises(unfoldify.UnfoldifyError) as caught:
            unfoldify.unfoldify(Chosen(), torch.randn(2, 3))
        message = str(caught.value)
        assert message == (
            "test_decided.py:21: `int(self.gate.argmax())`\n"
            "  with other weights the model does something else here: the values of tensors decide, "
            "and a file can say only one way.\nDecide by sizes or flags, choose with torch.where, or "
            "unfoldify the modules around it."
        )


def test_a_look_that_decides_nothing_is_none_of_that() -> None:
    assert unfoldify.unfoldify(Looks(), torch.randn(2, 3)).report.verification.ok
