"""Attention whose scores go through functions of the score and its indices: `flex_attention`.

The functions are written for single numbers (https://arxiv.org/abs/2412.05496). They are given all
scores and indices at once, each index along an axis of its own: `q_idx[:, None] >= kv_idx`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from unfoldify.notes import remark
from unfoldify.rules.attention import for_all_heads

WORKING = (torch.float32, torch.float64)  # types that scores are computed in


class Flexible(NamedTuple):
    """What attention comes to, `b h n_q d`, and its scores, `b h n_q n_k`, where they were asked for."""

    x: Tensor
    scores: Tensor | None


def flex_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score_mod: Callable[..., Tensor] | None,
    mask_mod: Callable[..., Tensor] | None,
    scale: float | None,
    *,
    with_scores: bool = False,
    hides: Callable[[Tensor], bool],
) -> Flexible:
    """`b h n_q d, b h n_k d, b h n_k d -> b h n_q d`; `hides` says whether some scores are -inf."""
    key, value = for_all_heads(query, key), for_all_heads(query, value)
    b, h, q_idx, kv_idx = _indices(query, key)
    mask = None if mask_mod is None else mask_mod(b, h, q_idx, kv_idx)
    if score_mod is None and not with_scores:
        return Flexible(_plain(query, key, value, mask, scale), None)
    if scale is None:
        scores = torch.matmul(query, key.transpose(-2, -1)) * query.shape[-1] ** -0.5
    else:
        scores = torch.matmul(query, key.transpose(-2, -1)) * scale
    if scores.dtype not in WORKING:
        scores = scores.float()
    if score_mod is not None:
        scores = score_mod(scores, b, h, q_idx, kv_idx)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
        weights = remark(scores.softmax(dim=-1).masked_fill(~mask, 0.0), ALONE)
    elif hides(scores):
        weights = scores.softmax(dim=-1).masked_fill(scores == float("-inf"), 0.0)
        weights = remark(weights, ALONE)
    else:
        weights = scores.softmax(dim=-1)
    if weights.dtype != value.dtype:
        weights = weights.to(value.dtype)
    return Flexible(torch.matmul(weights, value), scores if with_scores else None)


ALONE = "zeros for a query with no key"


def _plain(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: Any) -> Tensor:
    """Attention that has a function of torch with the same meaning."""
    named = {"attn_mask": mask, "scale": scale}
    named = {name: given for name, given in named.items() if given is not None}
    return F.scaled_dot_product_attention(query, key, value, **named)


def _indices(query: Tensor, key: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The indices of batch, head, query and key, each along an axis of its own."""
    b = torch.arange(query.shape[0], device=query.device)[:, None, None, None]
    h = torch.arange(query.shape[1], device=query.device)[:, None, None]
    q_idx = torch.arange(query.shape[2], device=query.device)[:, None]
    kv_idx = torch.arange(key.shape[2], device=query.device)
    return b, h, q_idx, kv_idx
