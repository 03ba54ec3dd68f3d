"""Scaled dot-product attention: scores, weights, and the weighted sum of the values."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from torch import Tensor

from unfoldify.notes import remark
from unfoldify.rules.attention_checks import check_attention
from unfoldify.rules.contraction import axes, leading
from unfoldify.rules.masks import causal_softmax, masked_softmax
from unfoldify.rules.rule import Style, check_style
from unfoldify.rules.sizes import surely_zero

HEADS = ("", "b", "b h")


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    style: Style = "product",
) -> Tensor:
    """`b h n_q d, b h n_k d, b h n_k d -> b h n_q d`"""
    check_style(style)
    check_attention(query, key, value, attn_mask, dropout_p, is_causal, enable_gqa)
    if enable_gqa:
        key = for_all_heads(query, key)
        value = for_all_heads(query, value)
    same = query.dim() == key.dim() == value.dim()
    lead = leading(query.dim() - 2, HEADS) if same else "..."
    scores = attention_scores(query, key, lead, scale, style)
    weights = attention_weights(scores, attn_mask, is_causal)
    if not surely_zero(dropout_p):
        weights = F.dropout(weights, dropout_p)
    return attended(weights, value, lead, style)


def attention_scores(q: Tensor, k: Tensor, lead: str, scale: float | None, style: Style) -> Tensor:
    """`b h n_q d, b h n_k d -> b h n_q n_k`, times `scale`, or `d**-0.5`"""
    if style == "einsum":
        q_k = f"{axes(lead, 'n_q d')}, {axes(lead, 'n_k d')} -> {axes(lead, 'n_q n_k')}"
        if scale is None:
            scores: Tensor = einsum(q, k, q_k) * q.shape[-1] ** -0.5
        elif scale == 1:
            scores = einsum(q, k, q_k)
        else:
            scores = einsum(q, k, q_k) * scale
        return scores
    q = rearrange(q, f"{axes(lead, 'n_q d')} -> {axes(lead, 'n_q 1 d')}")
    if k.dim() > 2:
        k = rearrange(k, f"{axes(lead, 'n_k d')} -> {axes(lead, '1 n_k d')}")
    if scale is None:
        scores = (q * k).sum(dim=-1) * q.shape[-1] ** -0.5
    elif scale == 1:
        scores = (q * k).sum(dim=-1)
    else:
        scores = (q * k).sum(dim=-1) * scale
    return remark(scores, "over d")


def attention_weights(scores: Tensor, mask: Tensor | None, is_causal: bool) -> Tensor:
    """The softmax over the keys that a query may look at."""
    if is_causal:
        return causal_softmax(scores)
    if mask is None:
        return scores.softmax(dim=-1)
    if mask.dtype == torch.bool:
        return masked_softmax(scores, None, ~mask)
    return masked_softmax(scores, mask, None)


def attended(weights: Tensor, v: Tensor, lead: str, style: Style) -> Tensor:
    """`b h n_q n_k, b h n_k d -> b h n_q d`"""
    w_axes, v_axes = axes(lead, "n_q n_k"), axes(lead, "n_k d")
    if style == "einsum":
        x: Tensor = einsum(weights, v, f"{w_axes}, {v_axes} -> {axes(lead, 'n_q d')}")
        return x
    weights = rearrange(weights, f"{w_axes} -> {w_axes} 1")
    if v.dim() > 2:
        v = rearrange(v, f"{v_axes} -> {axes(lead, '1 n_k d')}")
    x = (weights * v).sum(dim=-2)
    return remark(x, "over n_k")


def for_all_heads(query: Tensor, x: Tensor) -> Tensor:
    """Keys or values of fewer heads, each for several heads of the query: `b h n_k d`"""
    if int(query.shape[-3]) == int(x.shape[-3]):
        return x
    return x.repeat_interleave(query.shape[-3] // x.shape[-3], dim=x.dim() - 3)
