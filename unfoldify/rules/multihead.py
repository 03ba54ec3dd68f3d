"""Multi-head attention: projections to queries, keys and values, attention, a projection back."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from unfoldify.notes import part
from unfoldify.rules.attention import attended, attention_scores
from unfoldify.rules.contraction import axes
from unfoldify.rules.linear import spelled_linear
from unfoldify.rules.masks import causal_softmax, masked_softmax, softmax_or_nan
from unfoldify.rules.multihead_checks import check_multihead
from unfoldify.rules.rule import Style, check_style
from unfoldify.rules.sizes import surely_zero

Tensors = tuple[Tensor, Tensor, Tensor]
Pair = tuple[Tensor | None, Tensor | None]


class Layout(NamedTuple):
    """How the tokens of a sequence lie: `n b`, `b n`, or `n` without a batch."""

    tokens: str
    batch: str
    heads: int

    @property
    def lead(self) -> str:
        """The axes in front of a head's tokens: `b h`"""
        return axes(self.batch, "h")


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    *,
    batch_first: bool = False,
    style: Style = "product",
) -> tuple[Tensor, Tensor | None]:
    """Multi-head attention

    `n_q b (h d), n_k b (h d), n_k b (h d) -> n_q b (h d)` and `b n_q n_k`; `b` before `n_q` with
    `batch_first`.

    A mask is True, or -inf, where a query may not look. A query that may look at nothing gets NaN
    with `need_weights` and zeros without, as in torch.
    """
    check_style(style)
    batched = query.dim() == 3
    layout = Layout(*(("b n" if batch_first else "n b", "b") if batched else ("n", "")), num_heads)
    check_multihead(
        (query, key, value),
        (embed_dim_to_check, num_heads, batch_first),
        (in_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight),
        (bias_k, bias_v, static_k, static_v),
        (key_padding_mask, attn_mask, is_causal),
        use_separate_proj_weight,
    )
    sources = query, key, value
    part("in_proj: queries, keys and values of all heads")
    if use_separate_proj_weight:
        separate = q_proj_weight, k_proj_weight, v_proj_weight
        q, k, v = _projected_apart(sources, separate, in_proj_bias, layout, style)
    else:
        q, k, v = projected(sources, in_proj_weight, in_proj_bias, layout, style)
    k, v = _lengthened(k, v, (bias_k, bias_v), (static_k, static_v), add_zero_attn, layout)
    part("attention")
    scores = attention_scores(q, k, layout.lead, None, style)
    extra = (bias_k is not None) + add_zero_attn
    if is_causal and key_padding_mask is None and not need_weights:
        attention = causal_softmax(scores)
    else:
        masks = _masks(attn_mask, key_padding_mask, extra, layout)
        weigh = softmax_or_nan if need_weights else masked_softmax
        attention = weigh(scores, *masks)
    if not surely_zero(dropout_p):
        attention = F.dropout(attention, dropout_p, training)
    x = attended(attention, v, layout.lead, style)
    part("out_proj")
    x = rearrange(x, f"{layout.lead} n d -> {layout.tokens} (h d)")
    x = spelled_linear(x, out_proj_weight, out_proj_bias, layout.tokens, style)
    if not need_weights:
        return x, None
    if average_attn_weights:
        attention = attention.mean(dim=-3)
    return x, attention


def projected(
    sources: Tensors, weight: Any, bias: Tensor | None, layout: Layout, style: Style
) -> Tensors:
    """Queries, keys and values of all heads from one weight: `n b i -> b h n d`, three times"""
    query, key, value = sources
    if query is key is value:
        qkv = spelled_linear(query, weight, bias, layout.tokens, style)
        pattern = f"{layout.tokens} (qkv h d) -> qkv {layout.lead} n d"
        q, k, v = rearrange(qkv, pattern, qkv=3, h=layout.heads).unbind(dim=0)
        return q, k, v
    if key is not value:
        w_q, w_k, w_v = weight.chunk(3)
        return _projected_apart(sources, (w_q, w_k, w_v), bias, layout, style)
    width = int(weight.shape[0]) // 3
    w_q, w_kv = weight.split([width, 2 * width])
    b_q, b_kv = None, None
    if bias is not None:
        b_q, b_kv = torch.split(bias, [width, 2 * width])
    q = spelled_linear(query, w_q, b_q, layout.tokens, style)
    q = rearrange(q, f"{layout.tokens} (h d) -> {layout.lead} n d", h=layout.heads)
    kv = spelled_linear(key, w_kv, b_kv, layout.tokens, style)
    pattern = f"{layout.tokens} (kv h d) -> kv {layout.lead} n d"
    k, v = rearrange(kv, pattern, kv=2, h=layout.heads).unbind(dim=0)
    return q, k, v


def _projected_apart(
    sources: Tensors, weights: Any, bias: Tensor | None, layout: Layout, style: Style
) -> Tensors:
    """Queries, keys and values of all heads, each from its own weight"""
    query, key, value = sources
    w_q, w_k, w_v = weights
    b_q, b_k, b_v = None, None, None
    if bias is not None:
        b_q, b_k, b_v = bias.chunk(3)
    pattern = f"{layout.tokens} (h d) -> {layout.lead} n d"
    q = spelled_linear(query, w_q, b_q, layout.tokens, style)
    q = rearrange(q, pattern, h=layout.heads)
    k = spelled_linear(key, w_k, b_k, layout.tokens, style)
    k = rearrange(k, pattern, h=layout.heads)
    v = spelled_linear(value, w_v, b_v, layout.tokens, style)
    v = rearrange(v, pattern, h=layout.heads)
    return q, k, v


def _lengthened(
    k: Tensor,
    v: Tensor,
    biases: Pair,
    static: Pair,
    add_zero_attn: bool,
    layout: Layout,
) -> tuple[Tensor, Tensor]:
    """Keys and values with what is not made of tokens: learned ones, given ones, zeros."""
    bias_k, bias_v = biases
    if bias_k is not None and bias_v is not None:
        k = _with_bias(k, bias_k, layout)
        v = _with_bias(v, bias_v, layout)
    static_k, static_v = static
    if static_k is not None:
        k = rearrange(static_k, f"({layout.lead}) n d -> {layout.lead} n d", h=layout.heads)
    if static_v is not None:
        v = rearrange(static_v, f"({layout.lead}) n d -> {layout.lead} n d", h=layout.heads)
    if add_zero_attn:
        k = F.pad(k, (0, 0, 0, 1))
        v = F.pad(v, (0, 0, 0, 1))
    return k, v


def _with_bias(x: Tensor, bias: Tensor, layout: Layout) -> Tensor:
    """One more token, the same for every sequence: `b h n d`"""
    own = "1 1 (h d)" if bias.dim() == 3 else "(h d)"
    if not layout.batch:
        token = rearrange(bias, f"{own} -> h 1 d", h=layout.heads)
    else:
        token = rearrange(bias, f"{own} -> 1 h 1 d", h=layout.heads)
        token = token.expand(x.shape[0], -1, -1, -1)
    return torch.cat((x, token), dim=-2)


def _masks(
    attn_mask: Tensor | None, key_padding_mask: Tensor | None, extra: int, layout: Layout
) -> tuple[Tensor | None, Tensor | None]:
    """What is added to the scores, and what is ignored; `extra` tokens are seen by all queries."""
    if extra and attn_mask is not None:
        attn_mask = F.pad(attn_mask, (0, extra))
    if extra and key_padding_mask is not None:
        key_padding_mask = F.pad(key_padding_mask, (0, extra))
    if attn_mask is not None and attn_mask.dim() == 3 and layout.batch:
        attn_mask = rearrange(attn_mask, "(b h) n_q n_k -> b h n_q n_k", h=layout.heads)
    if key_padding_mask is not None and layout.batch:
        key_padding_mask = rearrange(key_padding_mask, "b n_k -> b 1 1 n_k")
    masks = [mask for mask in (attn_mask, key_padding_mask) if mask is not None]
    ignored = [mask for mask in masks if mask.dtype == torch.bool]
    added = [mask for mask in masks if mask.dtype != torch.bool]
    return reduced(operator.add, added), reduced(operator.or_, ignored)


def reduced(operation: Callable[[Tensor, Tensor], Tensor], masks: list[Tensor]) -> Tensor | None:
    """None, one or two masks as one."""
    return reduce(operation, masks) if masks else None
