"""The functions layout: each kind of contraction once, forwards call it; equal, with no kernel."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import unfoldify
from tests.emit.ruff_oracle import run_ruff
from tests.rules.agreement import NoContraction


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.wide = nn.Conv2d(8, 8, (1, 3), padding=(0, 1), dilation=1, groups=2)
        self.deep = nn.Conv2d(8, 8, 3, padding="same", dilation=2)
        self.back = nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1, output_padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        return self.back(self.deep(self.wide(x)))


class Lines(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 6, 5, padding=2, stride=2)
        self.up = nn.ConvTranspose1d(6, 4, 4, stride=2, padding=1)
        self.image = nn.ConvTranspose2d(4, 4, 2, stride=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(self.conv(x))
        return self.image(x[..., None]).mean(-1)


class Volume(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(2, 4, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
        self.back = nn.ConvTranspose3d(4, 2, 2, stride=2, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.back(self.conv(x))


class Unbatched(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.lstm = nn.LSTM(4, 5, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).flatten(1).t()
        return self.lstm(x)[0]


class Products(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pair = nn.Bilinear(4, 4, 4)
        self.vector = nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor) -> Tensor:
        y = self.pair(x, x) @ x.transpose(-2, -1)
        z = torch.einsum("bij,bjk->bik", y, x) @ self.vector
        return torch.addmm(z, z, z.t()) + torch.dot(self.vector, self.vector)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 6, num_layers=2, bidirectional=True, dropout=0.1)
        self.gru = nn.GRU(12, 4, batch_first=True)
        self.rnn = nn.RNN(4, 4, nonlinearity="relu")
        self.cell = nn.LSTMCell(4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x, (h, c) = self.lstm(x)
        x, _ = self.gru(x)
        x, _ = self.rnn(x, x[:1].contiguous())
        out, _ = self.cell(x[0])
        return out, h + c


class Projected(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 6, proj_size=3)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0]


class Attention(nn.Module):
    def __init__(self, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, heads, dropout=0.1, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        x, _ = self.attention(x, x, x, need_weights=False)
        q = x.unflatten(-1, (2, 4)).transpose(1, 2)
        return F.scaled_dot_product_attention(q, q, q, is_causal=True).transpose(1, 2).flatten(2)


class Attentions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Attention(2), Attention(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


class Scan(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Parameter(torch.randn(4, 3))

    def forward(self, x: Tensor) -> Tensor:
        state, found = torch.zeros_like(x[:, 0]), []
        for step in range(x.shape[1]):
            state = 0.5 * state + x[:, step]
            found.append(torch.einsum("bi,io->bo", state, self.read))
        return torch.stack(found, dim=1)


class Clashes(nn.Module):
    """Its argument and a value of its own are called as the functions would be."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.again = nn.Linear(4, 4, bias=False)

    def forward(self, linear: Tensor, matmul: Tensor) -> Tensor:
        linear_ = self.fc(linear)
        return self.again(linear_) @ matmul


MODELS: dict[str, tuple[Any, Any]] = {
    "convolutions": (Convolutions, (torch.randn(2, 3, 12, 10),)),
    "lines": (Lines, (torch.randn(2, 4, 12),)),
    "volume": (Volume, (torch.randn(2, 2, 3, 6, 6),)),
    "unbatched": (Unbatched, (torch.randn(3, 5, 6),)),
    "products": (Products, (torch.randn(2, 2, 4),)),
    "recurrent": (Recurrent, (torch.randn(5, 2, 4),)),
    "projected": (Projected, (torch.randn(3, 2, 4),)),
    "attentions": (Attentions, (torch.randn(2, 5, 8),)),
    "scan": (Scan, (torch.randn(2, 5, 4),)),
    "clashes": (Clashes, (torch.randn(2, 4), torch.randn(4, 3))),
}


def written(name: str, **options: Any) -> tuple[unfoldify.Result, Any]:
    build, args = MODELS[name]
    torch.manual_seed(0)
    return unfoldify.unfoldify(build(), args, layout="functions", **options), args


@pytest.mark.parametrize("dialect", ["einops", "torch"])
@pytest.mark.parametrize("name", MODELS)
def test_equal_without_a_kernel(name: str, dialect: str) -> None:
    result, args = written(name, dialect=dialect)  # raises where the results are not equal
    with NoContraction():
        result.module(*args)
    assert result.source == run_ruff(result.source)


@pytest.mark.parametrize("dialect", ["einops", "torch"])
@pytest.mark.parametrize("name", MODELS)
def test_equal_as_einsum(name: str, dialect: str) -> None:
    result, _ = written(name, style="einsum", dialect=dialect)
    assert "einsum" in result.source


def functions(source: str) -> dict[str, str]:
    lines = source.splitlines()
    return {
        node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }


CONV2D = '''
def conv2d(x, weight, bias=None, stride=1):
    """`b c_in h_in w_in, c_out c_in kh kw -> b c_out h_out w_out`"""
    kh, kw = weight.shape[2:]
    x = x.unfold(2, kh, stride).unfold(3, kw, stride)
    x = rearrange(x, "b c_in h_out w_out kh kw -> b 1 c_in h_out w_out kh kw")
    w = rearrange(weight, "c_out c_in kh kw -> c_out c_in 1 1 kh kw")
    x = (x * w).sum(dim=(2, 5, 6))  # over c_in, kh, kw
    return x if bias is None else x + rearrange(bias, "c_out -> c_out 1 1")
'''


def test_a_function_has_the_features_that_are_used() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 4, 2, bias=False))
    result = unfoldify.unfoldify(model, torch.randn(2, 3, 9, 9), layout="functions")
    assert functions(result.source) == {"conv2d": CONV2D.strip()}
    assert "conv2d(input, self[0].weight, self[0].bias, stride=2)" in result.source


def test_a_bias_that_all_layers_have_is_no_option() -> None:
    result = unfoldify.unfoldify(nn.Linear(4, 3), torch.randn(2, 4), layout="functions")
    assert functions(result.source)["linear"].splitlines()[0] == "def linear(x, weight, bias):"


class Stage(nn.Sequential):
    def __init__(self, width: int, k: int, stride: int = 1) -> None:
        super().__init__(nn.Conv2d(width, width, k, stride, k // 2), nn.ReLU())


def test_blocks_that_differ_in_numbers_are_one_class() -> None:
    """Stride 1 and stride 2, one pixel and three: one class, which reads them from its layer."""
    model = nn.Sequential(Stage(4, 3), Stage(4, 1), Stage(4, 3, 2))
    source = unfoldify.unfoldify(model, torch.randn(2, 4, 9, 9), layout="functions").source
    assert source.count("class Stage") == 1
    assert "def __init__(self, k, stride):" in source
    assert "super().__init__(Stage(3, 1), Stage(1, 1), Stage(3, 2))" in source


def test_numbers_that_differ_are_arguments() -> None:
    """Two attentions of 2 and 4 heads are one function, which takes the heads."""
    result, _ = written("attentions")
    assert list(functions(result.source)) == [
        "multihead_attention",
        "scaled_dot_product_attention",
    ]
    assert "self.attention.out_proj.bias" in result.source
    assert "h=h)" in functions(result.source)["multihead_attention"]


def test_names_that_are_taken() -> None:
    source = written("clashes")[0].source
    assert list(functions(source)) == ["linear2", "matmul2"]


def test_a_layer_that_is_too_large_is_a_function_of_its_own() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 64))
    result = unfoldify.unfoldify(
        model, torch.randn(8, 4), layout="functions", max_intermediate="4KiB"
    )
    assert list(functions(result.source)) == ["linear", "linear_einsum"]


def test_what_a_large_layer_calls_is_its_own_as_well() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.GRU(4, 8))
    result = unfoldify.unfoldify(
        model, torch.randn(2, 3, 4), layout="functions", max_intermediate="1KiB"
    )
    names = list(functions(result.source))
    assert names[:2] == ["linear", "linear_einsum"]
    assert {"gru_einsum", "gru_step_einsum"} < set(names)


def test_what_is_not_wanted_stays() -> None:
    """No function where nothing is spelled out."""
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    result = unfoldify.unfoldify(model, torch.randn(2, 4), layout="functions", skip=["linear"])
    assert functions(result.source) == {}
    assert "einops" not in result.source
