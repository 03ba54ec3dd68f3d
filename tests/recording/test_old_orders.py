"""Factors in front of the tensors, as torch took them before they were keywords."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import unfoldify

pytestmark = pytest.mark.filterwarnings("ignore:This overload of")

x, y, z = torch.randn(3, 3), torch.randn(3, 3), torch.randn(3, 3)
u, v = torch.randn(3), torch.randn(3)
b, c = torch.randn(2, 3, 3), torch.randn(2, 3, 3)

OLD = {
    "addmm_": (lambda x, a, b: x.clone().addmm_(1, -2, a, b), (x, y, z)),
    "addmm": (lambda x, a, b: torch.addmm(0.5, x, 2.0, a, b), (x, y, z)),
    "addmm with beta only": (lambda x, a, b: torch.addmm(0.5, x, a, b), (x, y, z)),
    "method with beta only": (lambda x, a, b: x.addmm(0.5, a, b), (x, y, z)),
    "addmv": (lambda x, a, b: torch.addmv(2, x, 3, a, b), (u, y, v)),
    "addr": (lambda x, a, b: x.addr(2, 3, a, b), (x, u, v)),
    "addbmm": (lambda x, a, b: torch.addbmm(2, x, 3, a, b), (x, b, c)),
    "baddbmm": (lambda x, a, b: x.clone().baddbmm_(2, 3, a, b), (b, b, c)),
    "add": (lambda x, a, b: torch.add(x, 2, a) * b, (x, y, z)),
    "add_": (lambda x, a, b: x.clone().add_(2, a) * b, (x, y, z)),
    "sub": (lambda x, a, b: x.sub(2, a) * b, (x, y, z)),
    "addcmul": (lambda x, a, b: torch.addcmul(x, 0.5, a, b), (x, y, z)),
    "addcdiv_": (lambda x, a, b: x.clone().addcdiv_(-0.1, a, b), (x, y, z)),
}


class Calls(nn.Module):
    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.fc, self.function = nn.Linear(3, 3), function

    def forward(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return self.function(self.fc(x), a, b)


@pytest.mark.parametrize("label", OLD)
def test_a_call_in_the_old_order(label: str) -> None:
    function, inputs = OLD[label]
    model = Calls(function)
    result = unfoldify.unfoldify(model, inputs)
    assert result.report.verification.ok
    torch.testing.assert_close(result.module(*inputs), copy.deepcopy(model)(*inputs))


def last_lines(function: Callable[..., Any], count: int) -> list[str]:
    source = unfoldify.unfoldify(Calls(function), (x, y, z)).source
    return [line.strip() for line in source.splitlines()[-count:]]


def test_the_file_has_the_factors_as_keywords() -> None:
    assert last_lines(OLD["addcmul"][0], 1) == ["return torch.addcmul(x, a, b, value=0.5)"]
    assert last_lines(OLD["sub"][0], 1) == ["return x.sub(a, alpha=2) * b"]


def test_the_product_is_spelled_out() -> None:
    source = unfoldify.unfoldify(Calls(OLD["addmm"][0]), (x, y, z)).source
    assert "addmm(" not in source
    assert source.endswith("a = 2.0 * a\n        return 0.5 * x + a\n")


def test_a_call_of_today_stays_as_it_is() -> None:
    assert last_lines(lambda x, a, b: torch.addcmul(x, a, b), 1) == [
        "return torch.addcmul(x, a, b)"
    ]
    assert last_lines(lambda x, a, b: torch.add(x, a, alpha=2) * b, 1) == [
        "return torch.add(x, a, alpha=2) * b"
    ]


def test_in_a_graph_too() -> None:
    traced = torch.fx.symbolic_trace(Calls(OLD["addmm"][0]))
    rewritten = unfoldify.transform(traced, (x, y, z))
    torch.testing.assert_close(rewritten(x, y, z), traced(x, y, z))
    assert "torch.addmm(" not in rewritten.code
