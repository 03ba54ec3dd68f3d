"""A layer that a forward calls more than once is a function of the file; one called once is none."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from torch import Tensor, nn, randn

import unfoldify


def functions(source: str) -> dict[str, str]:
    """The text of each function above the classes."""
    tree = ast.parse(source)
    return {node.name: ast.unparse(node) for node in tree.body if isinstance(node, ast.FunctionDef)}


def written(model: nn.Module, *args: Any, **options: Any) -> str:
    return unfoldify.unfoldify(model, args, **options).source


class ComplexConv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.real_conv = nn.Conv2d(2, 3, 3, padding=1)
        self.imag_conv = nn.Conv2d(2, 3, 3, padding=1)

    def forward(self, real: Tensor, imag: Tensor) -> Tensor:
        real_out = self.real_conv(real) - self.imag_conv(imag)
        imag_out = self.real_conv(imag) + self.imag_conv(real)
        return torch.cat([real_out, imag_out], 1)


def test_layers_of_one_kind_share_the_function_that_is_given_the_layer() -> None:
    source = written(ComplexConv(), randn(2, 2, 4, 4), randn(2, 2, 4, 4))
    assert (
        "def conv2d(x, layer):\n"
        '    """3x3, padding 1"""\n'
        "    x = F.pad(x, (1, 1, 1, 1))\n"
        "    x = x.unfold(2, 3, 1).unfold(3, 3, 1)\n"
        '    x = rearrange(x, "b c_in h_out w_out kh kw -> b 1 c_in h_out w_out kh kw")\n'
        '    w = rearrange(layer.weight, "c_out c_in kh kw -> c_out c_in 1 1 kh kw")\n'
        "    x = (x * w).sum(dim=(2, 5, 6))  # over c_in, kh, kw\n"
        '    return x + rearrange(layer.bias, "c_out -> c_out 1 1")\n'
    ) in source
    assert "real_out = conv2d(real, self.real_conv) - conv2d(imag, self.imag_conv)" in source
    assert "imag_out = conv2d(imag, self.real_conv) + conv2d(real, self.imag_conv)" in source


def test_the_torch_dialect_keeps_the_lines_where_they_are_called() -> None:
    source = written(ComplexConv(), randn(2, 2, 4, 4), randn(2, 2, 4, 4), dialect="torch")
    assert not functions(source)  # TorchScript takes it, and has no functions of layers


class TwoKernels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv2d(2, 2, 3, padding=1)
        self.far = nn.Conv2d(2, 2, 5, padding=2)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.far(self.near(x)) * self.far(self.near(y))


def test_functions_of_one_kind_are_told_apart_by_their_kernels() -> None:
    source = written(TwoKernels(), randn(2, 2, 6, 6), randn(2, 2, 6, 6))
    assert list(functions(source)) == ["conv2d_3x3", "conv2d_5x5"]
    assert "conv2d_5x5(conv2d_3x3(x, self.near), self.far)" in source


class Recurrent(nn.Module):
    """Siamese: two sentences, one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True, bidirectional=True, num_layers=2, dropout=0.5)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        a, _ = self.gru(x)
        b, _ = self.gru(y)
        return (a[:, -1] - b[:, -1]).abs()


def test_a_recurrent_layer_is_a_function_in_both_modes() -> None:
    source = written(Recurrent(), randn(2, 3, 3), randn(2, 4, 3))
    assert list(functions(source)) == ["gru"]
    assert "self.gru.weight" not in source
    assert source.count("gru(") == 3


class EachBlock(nn.Module):
    """Two calls of the round's layer: the loop stays one."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).relu()
            y = layer(y).tanh()
        return x * y


def test_a_loop_over_layers_that_are_called_twice_stays_a_loop() -> None:
    source = written(EachBlock(), randn(2, 4), randn(2, 4))
    assert list(functions(source)) == ["linear"]
    head = "        for layer in self.layers:\n"
    assert f"{head}            x = linear(x, layer).relu()\n" in source


class Once(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu())


class InALoop(nn.Module):
    """Called again and again by one line."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(4) for _ in range(3))
        self.shared = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        for norm in self.norms:
            x = self.shared(norm(x)).relu()
        return x


class OfTwoRanks(nn.Module):
    """The patterns of the two calls are others."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x) * self.fc(x.mean(1))[:, None]


@pytest.mark.parametrize(
    ("model", "shape"),
    [(Once(), (3, 4)), (InALoop(), (3, 4)), (OfTwoRanks(), (2, 3, 4))],
    ids=lambda value: type(value).__name__,
)
def test_other_layers_keep_their_lines_where_they_are_called(
    model: nn.Module, shape: tuple[int, ...]
) -> None:
    assert not functions(written(model, randn(shape)))


class Twice(nn.Module):
    def __init__(self, *, bias: bool = True) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.relu()) * self.fc(x.tanh())


class Thrice(Twice):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.relu()) * self.fc(x.tanh()) + self.fc(x.exp())


def test_few_lines_stay_where_they_are() -> None:
    assert list(functions(written(Twice(), randn(3, 4)))) == ["linear"]
    assert not functions(written(Twice(bias=False), randn(3, 4)))
    assert not functions(written(Twice(), randn(3, 4), style="einsum"))
    assert list(functions(written(Thrice(bias=False), randn(3, 4)))) == ["linear"]
