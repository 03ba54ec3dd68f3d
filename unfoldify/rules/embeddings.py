# ruff: noqa: A002  (torch calls it `input`)
"""Embedding as a product: each token is a row of a table, picked by a vector with a single one."""

from __future__ import annotations

import torch
from einops import einsum, rearrange
from torch import Tensor

from unfoldify.notes import remark
from unfoldify.rules.checks import check, check_rank
from unfoldify.rules.rule import Decline, Style, check_style


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
    *,
    style: Style = "product",
) -> Tensor:
    """`..., i o -> ... o`, over i, the rows of the table"""
    check_style(style)
    if max_norm is not None:
        raise Decline("max_norm changes the table while it is read")
    if scale_grad_by_freq or sparse:
        raise Decline("the gradient of scale_grad_by_freq and of sparse is no product's")
    check(
        not input.is_floating_point() and not input.is_complex() and input.dtype != torch.bool,
        "embedding",
        f"input should be integers, it is {input.dtype}",
    )
    check_rank("embedding", "weight", weight, 2)
    row = torch.arange(weight.shape[0], device=weight.device)
    w = weight
    if padding_idx is not None:  # this row gets no gradient
        padding = rearrange(row == padding_idx % weight.shape[0], "i -> i 1")
        w = torch.where(padding, weight.detach(), weight)
    one = (rearrange(input, "... -> ... 1") == row).to(weight.dtype)
    if style == "einsum":
        x: Tensor = einsum(one, w, "... i, i o -> ... o")
        return x
    x = (rearrange(one, "... i -> ... i 1") * w).sum(dim=-2)
    return remark(x, "over i")


def embedding_as_built_in(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
    *,
    style: Style = "product",
) -> Tensor:
    """`embedding`, with the arguments of torch.embedding; a negative padding_idx is none"""
    padding = padding_idx if padding_idx >= 0 else None
    return embedding(indices, weight, padding, None, 2.0, scale_grad_by_freq, sparse, style=style)
