"""Modules that are handed a function over a module of their caller's."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from unfoldify import unfoldify


class Residual(nn.Module):
    """The sublayer connection of the annotated transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.dropout = nn.LayerNorm(4), nn.Dropout(0.1)

    def forward(self, x: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        return x + self.dropout(sublayer(self.norm(x)))


class Gate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        return self.fc(x) * gate


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.ff = Gate(), Gate()
        self.residuals = nn.ModuleList(Residual() for _ in range(2))

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        x = self.residuals[0](x, lambda y: self.gate(y, gate))
        return self.residuals[1](x, lambda y: self.ff(y, gate.relu()))


class Stack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(3))

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, gate)
        return x


class Alone(nn.Module):
    """A function that needs no module is none of the caller's."""

    def __init__(self) -> None:
        super().__init__()
        self.residual = Residual()

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x, lambda y: y.relu())


def test_what_they_do_is_done_by_the_caller() -> None:
    model, x, gate = Stack().eval(), torch.randn(2, 5, 4), torch.randn(4)
    result = unfoldify(model, (x, gate))
    assert (
        "        x = x + self.residuals[0].dropout(self.gate(self.residuals[0].norm(x), gate))\n"
    ) in result.source
    assert "for layer in self.layers:\n            x = layer(x, gate)\n" in result.source
    assert "weight" not in result.source.partition("class Layer(")[2]
    torch.testing.assert_close(result.module(x, gate), model(x, gate))


def test_a_module_whose_function_calls_no_other_keeps_its_forward() -> None:
    model, x = Alone(), torch.randn(2, 5, 4)
    source = unfoldify(model, (x,)).source
    assert "self.norm(x)" in source.partition("class Residual(")[2].partition("class Alone(")[0]
    assert "return self.residual(x)" in source
