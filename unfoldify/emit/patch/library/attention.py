# mypy: ignore-errors
# ruff: noqa: B905, C901  (stands in a user's file as it is)
"""Attention, as an operator and as a layer."""

import torch
import torch.nn.functional as F
from einops import einsum, rearrange

from .products import linear
from .switches import LEARNED_TOKENS, PRODUCT, UNBATCHED


def attention_scores(q, k, scale=None):
    """`... n_q d, ... n_k d -> ... n_q n_k`"""
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    if PRODUCT:
        q = rearrange(q, "... n_q d -> ... n_q 1 d")
        k = rearrange(k, "... n_k d -> ... 1 n_k d")
        scores = (q * k).sum(dim=-1)  # over d
    else:
        scores = einsum(q, k, "... n_q d, ... n_k d -> ... n_q n_k")
    return scores * scale


def attended(weights, v):
    """`... n_q n_k, ... n_k d -> ... n_q d`"""
    if PRODUCT:
        weights = rearrange(weights, "... n_q n_k -> ... n_q n_k 1")
        v = rearrange(v, "... n_k d -> ... 1 n_k d")
        x = (weights * v).sum(dim=-2)  # over n_k
    else:
        x = einsum(weights, v, "... n_q n_k, ... n_k d -> ... n_q d")
    return x


def masked(scores, mask):
    """`... n_q n_k`; a mask is True, or -inf, where a query may not look, or numbers to be added"""
    if mask.dtype != torch.bool:
        scores, mask = scores + mask, mask == float("-inf")
    return scores.masked_fill(mask, float("-inf"))


def future_of(scores):
    """`n_q n_k`, True where a key comes after the query"""
    n_q, n_k = scores.shape[-2:]
    return torch.ones(n_q, n_k, dtype=torch.bool, device=scores.device).triu(diagonal=1)


def scaled_dot_product_attention(
    q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    """`... h n_q d, ... h n_k d, ... h n_k d -> ... h n_q d`"""
    if enable_gqa:  # keys and values of fewer heads
        k, v = (x.repeat_interleave(q.shape[-3] // x.shape[-3], dim=-3) for x in (k, v))
    scores = attention_scores(q, k, scale)
    if is_causal:
        scores = scores.masked_fill(future_of(scores), float("-inf"))
    if attn_mask is not None:  # a bool mask is True where a query may look
        scores = masked(scores, ~attn_mask if attn_mask.dtype == torch.bool else attn_mask)
    weights = scores.softmax(dim=-1)
    if attn_mask is not None:  # zeros for a query that may look at nothing
        weights = weights.masked_fill(scores == float("-inf"), 0.0)
    return attended(F.dropout(weights, dropout_p), v)


def multihead_attention(
    layer,
    query,
    key,
    value,
    key_padding_mask=None,
    need_weights=True,
    attn_mask=None,
    average_attn_weights=True,
    is_causal=False,
):
    """What nn.MultiheadAttention computes: `b n_q (h d), b n_k (h d), b n_k (h d) -> b n_q (h d)`"""
    if UNBATCHED and query.dim() == 2:
        batch = 0 if layer.batch_first else 1
        query, key, value = (x.unsqueeze(batch) for x in (query, key, value))
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask[None]
        masks = key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal
        x, weights = multihead_attention(layer, query, key, value, *masks)
        return x.squeeze(batch), None if weights is None else weights[0]
    if not layer.batch_first:
        query, key, value = (rearrange(x, "n b i -> b n i") for x in (query, key, value))

    # queries, keys and values of all heads
    if layer.in_proj_weight is None:
        w_q, w_k, w_v = layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight
    else:
        w_q, w_k, w_v = layer.in_proj_weight.chunk(3)
    b_q = b_k = b_v = None
    if layer.in_proj_bias is not None:
        b_q, b_k, b_v = layer.in_proj_bias.chunk(3)
    h = layer.num_heads
    q = rearrange(linear(query, w_q, b_q), "b n (h d) -> b h n d", h=h)
    k = rearrange(linear(key, w_k, b_k), "b n (h d) -> b h n d", h=h)
    v = rearrange(linear(value, w_v, b_v), "b n (h d) -> b h n d", h=h)
    if attn_mask is not None and attn_mask.dim() == 3:
        attn_mask = rearrange(attn_mask, "(b h) n_q n_k -> b h n_q n_k", h=h)
    if key_padding_mask is not None:
        key_padding_mask = rearrange(key_padding_mask, "b n_k -> b 1 1 n_k")
    if LEARNED_TOKENS:  # a further key and value that are learned, or zero
        extra = 0
        if layer.bias_k is not None:
            learned = [
                rearrange(x, "1 1 (h d) -> 1 h 1 d", h=h) for x in (layer.bias_k, layer.bias_v)
            ]
            k, v = (
                torch.cat((x, y.expand(len(x), -1, -1, -1)), dim=2) for x, y in zip((k, v), learned)
            )
            extra += 1
        if layer.add_zero_attn:
            k, v = F.pad(k, (0, 0, 0, 1)), F.pad(v, (0, 0, 0, 1))
            extra += 1
        attn_mask, key_padding_mask = (
            mask if mask is None else F.pad(mask, (0, extra))
            for mask in (attn_mask, key_padding_mask)
        )

    # attention
    scores = attention_scores(q, k)
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = future_of(scores)
    for mask in (attn_mask, key_padding_mask):
        if mask is not None:
            scores = masked(scores, mask)
    weights = scores.softmax(dim=-1)
    if not need_weights:  # zeros for a query that may look at nothing
        weights = weights.masked_fill(scores == float("-inf"), 0.0)
    weights = F.dropout(weights, layer.dropout, layer.training)
    x = rearrange(attended(weights, v), "b h n d -> b n (h d)")
    x = linear(x, layer.out_proj.weight, layer.out_proj.bias)
    if not layer.batch_first:
        x = rearrange(x, "b n o -> n b o")
    if not need_weights:
        return x, None
    return x, weights.mean(dim=1) if average_attn_weights else weights
