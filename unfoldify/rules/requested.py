"""The families that are spelled out on request, one row for each rule."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from unfoldify.rules import (
    adaptive,
    embeddings,
    folding,
    norms,
    norms_built_in,
    pooling,
    shuffles,
    softmaxes,
)
from unfoldify.rules.rule import Rule, Spellings

T = torch.Tensor
Table = tuple[tuple[Rule, Spellings], ...]

_POOLING: Table = (
    (Rule(pooling.max_pool1d, "pooling"), (F.max_pool1d, torch.max_pool1d)),
    (Rule(pooling.max_pool2d, "pooling"), (F.max_pool2d, torch.max_pool2d)),
    (Rule(pooling.max_pool3d, "pooling"), (F.max_pool3d, torch.max_pool3d)),
    (
        Rule(pooling.max_pool_with_indices(1), "pooling"),
        (F.max_pool1d_with_indices, torch.max_pool1d_with_indices),
    ),
    (Rule(pooling.max_pool_with_indices(2), "pooling"), (F.max_pool2d_with_indices,)),
    (Rule(pooling.max_pool_with_indices(3), "pooling"), (F.max_pool3d_with_indices,)),
    (Rule(pooling.avg_pool1d, "pooling"), (F.avg_pool1d,)),
    (Rule(pooling.avg_pool2d, "pooling"), (F.avg_pool2d,)),
    (Rule(pooling.avg_pool3d, "pooling"), (F.avg_pool3d,)),
    (Rule(pooling.lp_pool1d, "pooling"), (F.lp_pool1d,)),
    (Rule(pooling.lp_pool2d, "pooling"), (F.lp_pool2d,)),
    (Rule(pooling.lp_pool3d, "pooling"), (F.lp_pool3d,)),
    (Rule(adaptive.adaptive_avg_pool1d, "pooling"), (F.adaptive_avg_pool1d,)),
    (Rule(adaptive.adaptive_avg_pool2d, "pooling"), (F.adaptive_avg_pool2d,)),
    (Rule(adaptive.adaptive_avg_pool3d, "pooling"), (F.adaptive_avg_pool3d,)),
    (Rule(adaptive.adaptive_max_pool1d, "pooling"), (F.adaptive_max_pool1d,)),
    (Rule(adaptive.adaptive_max_pool2d, "pooling"), (F.adaptive_max_pool2d,)),
    (Rule(adaptive.adaptive_max_pool3d, "pooling"), (F.adaptive_max_pool3d,)),
    (
        Rule(adaptive.adaptive_max_pool_with_indices(1), "pooling"),
        (F.adaptive_max_pool1d_with_indices, torch.adaptive_max_pool1d),
    ),
    (
        Rule(adaptive.adaptive_max_pool_with_indices(2), "pooling"),
        (F.adaptive_max_pool2d_with_indices,),
    ),
    (
        Rule(adaptive.adaptive_max_pool_with_indices(3), "pooling"),
        (F.adaptive_max_pool3d_with_indices,),
    ),
)

_NORM: Table = (
    (Rule(norms.batch_norm, "norm"), (F.batch_norm,)),
    (Rule(norms_built_in.batch_norm_as_built_in, "norm"), (torch.batch_norm,)),
    (Rule(norms.instance_norm, "norm"), (F.instance_norm,)),
    (Rule(norms_built_in.instance_norm_as_built_in, "norm"), (torch.instance_norm,)),
    (Rule(norms.group_norm, "norm"), (F.group_norm, torch.group_norm)),
    (Rule(norms.layer_norm, "norm"), (F.layer_norm, torch.layer_norm)),
    (Rule(norms.rms_norm, "norm"), (F.rms_norm, torch.rms_norm)),
    (Rule(norms.local_response_norm, "norm"), (F.local_response_norm,)),
)

_SOFTMAX: Table = (
    (Rule(softmaxes.softmax, "softmax"), (F.softmax,)),
    (Rule(softmaxes.softmin, "softmax"), (F.softmin,)),
    (Rule(softmaxes.log_softmax, "softmax"), (F.log_softmax,)),
    (Rule(softmaxes.softmax_method, "softmax"), (torch.softmax, T.softmax)),
    (Rule(softmaxes.log_softmax_method, "softmax"), (torch.log_softmax, T.log_softmax)),
)

_FOLD: Table = (
    (Rule(folding.unfold, "fold"), (F.unfold,)),
    (Rule(folding.fold, "fold"), (F.fold,)),
)

_SHUFFLE: Table = (
    (Rule(shuffles.pixel_shuffle, "shuffle"), (F.pixel_shuffle,)),
    (Rule(shuffles.pixel_unshuffle, "shuffle"), (F.pixel_unshuffle,)),
    (Rule(shuffles.channel_shuffle, "shuffle"), (torch.channel_shuffle, F.channel_shuffle)),
    (Rule(shuffles.flatten, "shuffle"), (torch.flatten, T.flatten)),
    (Rule(shuffles.unflatten, "shuffle"), (torch.unflatten, T.unflatten)),
)

_EMBEDDING: Table = (
    (Rule(embeddings.embedding, "embedding"), (F.embedding,)),
    (Rule(embeddings.embedding_as_built_in, "embedding"), (torch.embedding,)),
)

FAMILIES: dict[str, Table] = {
    "pooling": _POOLING,
    "norm": _NORM + _SOFTMAX,  # who wants means and variances wants exponentials too
    "softmax": _SOFTMAX,
    "fold": _FOLD,
    "shuffle": _SHUFFLE,
    "embedding": _EMBEDDING,
}
