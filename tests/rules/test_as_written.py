"""Layers that torch prepares arguments for: the file has them as the user gave them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from agreement import both_styles
from torch import Tensor, nn

import unfoldify


class Attention(nn.Module):
    """Attention over a batch of sequences, some of them padded."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, dropout=0.1, batch_first=batch_first)

    def forward(self, x: Tensor, memory: Tensor, padding: Tensor) -> Tensor:
        x, _ = self.attention(x, memory, memory, key_padding_mask=padding, need_weights=False)
        return x


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    x, memory = torch.randn(2, 4, 8), torch.randn(2, 5, 8)
    padding = torch.arange(5) >= torch.tensor([[5], [3]])
    return x, memory, padding


def test_the_batch_stays_in_front_and_a_bool_mask_one() -> None:
    source = unfoldify.unfoldify(Attention(True), inputs()).source
    assert "transpose" not in source
    assert "zeros_like" not in source
    assert '"b n (h d) -> b h n d"' in source
    assert 'rearrange(padding, "b n_k -> b 1 1 n_k")' in source


def test_tokens_in_front_are_called_so() -> None:
    x, memory = torch.randn(4, 2, 8), torch.randn(5, 2, 8)
    padding = torch.arange(5) >= torch.tensor([[5], [3]])
    source = unfoldify.unfoldify(Attention(False), (x, memory, padding)).source
    assert 'rearrange(x, "n b i -> n b i 1")' in source
    assert '"n b (h d) -> b h n d"' in source


class Turned(nn.Module):
    """The user's own turns, one of which is used for something else too."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.MultiheadAttention(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        turned = x.transpose(0, 1)
        y, weights = self.layer(turned, turned, turned)
        return y.transpose(0, 1) * weights.sum() + turned[0].sum() + y.mean()


def test_a_result_that_is_used_as_it_is_stays_turned() -> None:
    source = unfoldify.unfoldify(Turned(), (torch.randn(2, 4, 8),)).source
    assert source.count("transpose(0, 1)") == 2


def test_skipped_attention_is_left_alone() -> None:
    result = unfoldify.unfoldify(Attention(True), inputs(), skip=("attention",))
    assert result.report.verification is not None
    assert not [row for row in result.report.layers if row.kind == "attention"]


class Function(nn.Module):
    """A call of the function with a mask that is no bool."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.MultiheadAttention(8, 2)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        added = torch.zeros_like(mask).masked_fill_(mask > 0, float("-inf"))
        weights = self.layer.in_proj_weight, self.layer.in_proj_bias, None, None, False, 0.0
        out = self.layer.out_proj.weight, self.layer.out_proj.bias
        return F.multi_head_attention_forward(
            x, x, x, 8, 2, *weights, *out, attn_mask=added, need_weights=False
        )[0]


def test_a_mask_of_other_values_stays() -> None:
    mask = torch.ones(4, 4).triu(1)
    source = unfoldify.unfoldify(Function(), (torch.randn(4, 2, 8), mask)).source
    assert "zeros_like" in source


@both_styles
@pytest.mark.parametrize("layer", [nn.LSTM(3, 4, 2, batch_first=True), nn.GRU(3, 4), nn.RNN(3, 4)])
def test_a_state_of_zeros_is_written_where_it_begins(layer: nn.Module, style: str) -> None:
    source = unfoldify.unfoldify(layer, (torch.randn(2, 5, 3),), style=style).source
    assert "new_zeros(" in source
    assert "torch.zeros(" not in source


def test_a_given_state_is_taken_apart() -> None:
    source = unfoldify.unfoldify(nn.GRU(3, 4), (torch.randn(5, 2, 3), torch.randn(1, 2, 4))).source
    assert "new_zeros(" not in source
    assert "h = hx[0]" in source
