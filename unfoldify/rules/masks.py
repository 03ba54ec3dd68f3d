"""What a query may not look at: bool masks, float masks, padding, the future."""

from __future__ import annotations

import torch
from torch import Tensor

from unfoldify.notes import remark


def masked_softmax(scores: Tensor, added: Tensor | None, ignored: Tensor | None) -> Tensor:
    """The weights of the keys; a query that may look at none of them gets zeros.

    `added` is added to the scores, `ignored` is True where a query may not look.
    """
    if added is not None:
        hidden = added == float("-inf")
        if ignored is None:
            ignored = hidden
        else:
            ignored = ignored | hidden
        scores = with_mask(scores, added)
    if ignored is None:
        return scores.softmax(dim=-1)
    scores = scores.masked_fill(ignored, float("-inf"))
    weights = scores.softmax(dim=-1).masked_fill(ignored, 0.0)
    return remark(weights, "zeros for a query with no key")


def softmax_or_nan(scores: Tensor, added: Tensor | None, ignored: Tensor | None) -> Tensor:
    """The weights of the keys; a query that may look at none of them gets NaN."""
    if added is not None:
        scores = with_mask(scores, added)
    if ignored is not None:
        scores = scores.masked_fill(ignored, float("-inf"))
    return scores.softmax(dim=-1)


def with_mask(scores: Tensor, added: Tensor) -> Tensor:
    """`scores + added`, in the dtype of the scores."""
    if added.dtype == scores.dtype:
        return scores + added
    return scores + added.to(scores.dtype)


def causal_softmax(scores: Tensor) -> Tensor:
    """The weights of the keys, none of them after the query: `b h n_q n_k`"""
    n_q, n_k = scores.shape[-2], scores.shape[-1]
    future = scores.new_ones(n_q, n_k, dtype=torch.bool).triu(1)
    scores = scores.masked_fill(future, float("-inf"))
    return scores.softmax(dim=-1)
