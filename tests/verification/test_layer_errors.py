"""Each layer's own error: torch's result against the rule's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unfoldify.preserve import same_bits
from unfoldify.rules import RULES
from unfoldify.verification.layer_errors import largest_errors, layer_errors


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.mlp = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4))
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        x = self.mlp(self.conv(x).flatten(2).mT)
        return F.scaled_dot_product_attention(x, x, x) @ x.mT


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = Block()

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x).mm(x.new_ones(2, 3)) if x.ndim == 2 else self.block(x)


@pytest.mark.parametrize("style", ["product", "einsum"])
def test_one_row_for_each_call_that_has_a_rule(style: str) -> None:
    model = Net()
    before = model.block.conv.weight.detach().clone()
    found = layer_errors(model, (torch.randn(2, 3, 8, 8),), None, RULES, style=style)
    assert [(e.name, e.kind, e.description, e.shapes) for e in found] == [
        ("block.conv", "conv", "3x3, stride 2, padding 1", ((2, 3, 8, 8), (2, 4, 4, 4))),
        ("block.mlp.0", "linear", "", ((2, 16, 4), (2, 16, 8))),
        ("block.mlp.2", "linear", "", ((2, 16, 8), (2, 16, 4))),
        (
            "block.scaled_dot_product_attention",
            "attention",
            found[3].description,
            ((2, 16, 4), (2, 16, 4)),
        ),
        ("block.matmul", "matmul", "", ((2, 16, 4), (2, 16, 16))),
    ]
    assert all(e.error < 1e-14 for e in found)
    assert model.block.calls == 0
    assert same_bits(model.block.conv.weight.detach(), before)


def test_the_broken_rule_stands_out() -> None:
    def broken(x: Tensor, w: Tensor, bias: Tensor | None = None, *, style: str = "") -> Tensor:
        return F.linear(x, w, bias) + 1e-3 * x.sum()

    table = {**RULES, F.linear: replace(RULES[F.linear], function=broken)}
    found = largest_errors(layer_errors(Net(), (torch.randn(2, 3, 8, 8),), None, table))
    assert {name for name, error in found.items() if error > 1e-10} == {
        "block.mlp.0",
        "block.mlp.2",
    }


def test_the_largest_of_several_calls() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(self.linear(x))

    found = layer_errors(Twice(), (torch.randn(2, 3),), None, RULES)
    assert [e.name for e in found] == ["linear", "linear"]
    assert largest_errors(found) == {"linear": max(e.error for e in found)}


def test_no_time_no_rows() -> None:
    assert layer_errors(Net(), (torch.randn(2, 3, 8, 8),), None, RULES, max_seconds=-1) == ()


def test_a_model_that_insists_on_float32_is_measured_in_float32() -> None:
    class Insists(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            assert x.dtype is torch.float32
            return self.linear(x)

    (row,) = layer_errors(Insists(), (torch.randn(2, 3),), None, RULES)
    assert row.error < 1e-5
