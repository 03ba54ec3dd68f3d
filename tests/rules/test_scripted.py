"""The torch dialect under torch.jit.script, which takes the emitted module as it is."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from agreement import both_styles
from torch import Tensor, nn

import unfoldify

pytestmark = pytest.mark.filterwarnings("ignore")  # torch calls TorchScript deprecated


class Convolutions(nn.Module):
    """Convolutions with and without a bias, one of them called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=2, dilation=2)
        self.norm = nn.BatchNorm2d(3)
        self.up = nn.ConvTranspose2d(3, 2, 4, 2, 1, bias=False)
        self.head = nn.Linear(2, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(F.relu(self.conv(x))))
        return self.head(self.up(x).mean(dim=(2, 3)))


class Blocks(nn.Module):
    """Layers in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Conv1d(4, 4, 3, padding=1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = x + F.gelu(block(x))
        return x


class Attention(nn.Module):
    """Self-attention, then a causal one."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attention(x, x, x, need_weights=False)[0]
        return F.scaled_dot_product_attention(x, x, x, is_causal=True)


CASES = {
    "convolutions": (Convolutions(), (2, 3, 8, 8)),
    "blocks": (Blocks(), (2, 4, 9)),
    "attention": (Attention(), (2, 5, 8)),
    "lstm": (nn.LSTM(3, 4, batch_first=True), (2, 5, 3)),
    "gru": (nn.GRU(3, 4, bidirectional=True), (5, 2, 3)),
}


@both_styles
@pytest.mark.parametrize("name", CASES)
def test_scripted(name: str, style: str) -> None:
    model, shape = CASES[name]
    model, x = model.eval(), torch.randn(shape)
    written = unfoldify.unfoldify(model, x, style=style, dialect="torch").module
    torch.testing.assert_close(torch.jit.script(written)(x), model(x))


def test_only_what_is_optional_and_only_in_this_dialect() -> None:
    model, shape = CASES["convolutions"]
    x = torch.randn(shape)
    plain = unfoldify.unfoldify(model, x, dialect="torch", check=False).source
    assert "bias = self.conv.bias\n        assert bias is not None\n" in plain
    assert plain.count("assert") == 2  # one for each call of the convolution, none for the linear
    assert "assert" not in unfoldify.unfoldify(model, x, check=False).source
