"""Multi-head attention against torch's: every argument, as a function and as a layer."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from agreement import STYLES, agrees, both_styles, noise
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from unfoldify import functional as UF
from unfoldify.rules import LAYERS

pytestmark = pytest.mark.filterwarnings("ignore:Support for mismatched")


class Compared(TorchFunctionMode):
    """Every call of the function goes through the rule too."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self.style, self.calls = style, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is F.multi_head_attention_forward:
            self.calls += 1
            agrees(UF.multi_head_attention_forward, func, *args, **kwargs, style=self.style)
        return func(*args, **kwargs)


def additive(mask: Tensor) -> Tensor:
    return torch.zeros(mask.shape, dtype=torch.float64).masked_fill(mask, float("-inf"))


def masks(batch: int, heads: int, n_q: int, n_k: int) -> list[dict[str, Any]]:
    """Every kind of mask; in the first of each some query sees nothing at all."""
    padding = noise(batch, n_k, seed=5) > 0.5
    padding[0] = True
    two = noise(n_q, n_k, seed=6) > 0
    two[1] = True
    three = noise(batch * heads, n_q, n_k, seed=7) > 0
    causal = torch.ones(n_q, n_k, dtype=torch.bool).triu(1)
    return [
        {},
        {"key_padding_mask": padding},
        {"key_padding_mask": additive(padding)},
        {"attn_mask": two},
        {"attn_mask": three},
        {"attn_mask": noise(n_q, n_k, seed=8)},
        {"key_padding_mask": padding, "attn_mask": additive(three)},
        {"key_padding_mask": additive(padding), "attn_mask": two},
        {"key_padding_mask": padding, "attn_mask": three},
        {"attn_mask": causal, "is_causal": True},
        {"attn_mask": causal, "is_causal": True, "key_padding_mask": padding},
    ]


LAYOUTS = list(
    itertools.product(
        (False, True), (False, True), (False, True), ("self", "cross", "three", "kdim")
    )
)


@both_styles
@pytest.mark.parametrize(("batch_first", "bias_kv", "zero", "sources"), LAYOUTS)
def test_layers(batch_first: bool, bias_kv: bool, zero: bool, sources: str, style: str) -> None:
    b, n_q, n_k, width, heads = 2, 4, 5, 6, 2
    kdim = 3 if sources == "kdim" else None
    torch.manual_seed(1)
    layer = nn.MultiheadAttention(
        width, heads, bias=not zero, add_bias_kv=bias_kv, add_zero_attn=zero, kdim=kdim,
        vdim=kdim, batch_first=batch_first,
    ).double()  # fmt: skip

    def tokens(n: int, d: int, seed: int) -> Tensor:
        return noise(b, n, d, seed=seed) if batch_first else noise(n, b, d, seed=seed)

    query = tokens(n_q, width, 1)
    key = query if sources == "self" else tokens(n_k, kdim or width, 2)
    value = key if sources in ("self", "cross") else tokens(n_k, kdim or width, 3)
    if sources == "self":
        n_k = n_q
    rule = LAYERS[nn.MultiheadAttention].function
    for given in masks(b, heads, n_q, n_k):
        for need_weights, average in ((True, True), (True, False), (False, True)):
            kwargs = {**given, "need_weights": need_weights, "average_attn_weights": average}
            want = layer(query, key, value, **kwargs)
            got = rule(layer, query, key, value, **kwargs, style=style)
            torch.testing.assert_close(got, want, equal_nan=True)


@both_styles
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
def test_functions(batched: bool, need_weights: bool, style: str) -> None:
    b, n, width, heads = (2 if batched else 1), 4, 6, 2
    layer = nn.MultiheadAttention(width, heads, add_bias_kv=True, add_zero_attn=True).double()
    other = nn.MultiheadAttention(width, heads, kdim=3, vdim=5, bias=False).double()
    x = noise(n, b, width) if batched else noise(n, width)
    k, v = (noise(7, b, 3), noise(7, b, 5)) if batched else (noise(7, 3), noise(7, 5))
    with Compared(style) as compared:
        for given in masks(b, heads, n, n)[:: 1 if batched else 3]:
            if not batched and given.get("key_padding_mask") is not None:
                given["key_padding_mask"] = given["key_padding_mask"][0]
            layer(x, x, x, need_weights=need_weights, **given)
        layer(x, x + 1, x + 1, need_weights=need_weights)
        layer(x, x + 1, x + 2, need_weights=need_weights)
        other(x, k, v, need_weights=need_weights)
    assert compared.calls == (14 if batched else 7)


@both_styles
@pytest.mark.parametrize("need_weights", [True, False])
def test_dropout_draws_what_torch_draws(need_weights: bool, style: str) -> None:
    layer = nn.MultiheadAttention(6, 2, dropout=0.4).double().train()
    x = noise(4, 2, 6)
    with Compared(style) as compared:
        layer(x, x, x, need_weights=need_weights)
        layer.eval()(x, x, x, need_weights=need_weights)
    assert compared.calls == 2


@both_styles
def test_given_keys_and_values(style: str) -> None:
    layer = nn.MultiheadAttention(6, 2).double()
    x = noise(4, 2, 6)
    agrees(
        UF.multi_head_attention_forward,
        F.multi_head_attention_forward,
        x, x, x, 6, 2, layer.in_proj_weight, layer.in_proj_bias, None, None, False, 0.0,
        layer.out_proj.weight, layer.out_proj.bias,
        static_k=noise(4, 4, 3, seed=1), static_v=noise(4, 4, 3, seed=2), style=style,
    )  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_a_query_that_sees_nothing_answers_as_torch_does(style: str) -> None:
    layer = nn.MultiheadAttention(6, 2).double()
    x, nothing = noise(4, 2, 6), torch.ones(4, 4, dtype=torch.bool)
    rule = LAYERS[nn.MultiheadAttention].function
    zeros, none = rule(layer, x, x, x, attn_mask=nothing, need_weights=False, style=style)
    nan, weights = rule(layer, x, x, x, attn_mask=nothing, style=style)
    torch.testing.assert_close(zeros, layer.out_proj.bias.expand_as(zeros))
    assert none is None
    assert nan.isnan().all()
    assert weights.isnan().all()
