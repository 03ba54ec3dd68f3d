"""Attention as torch compiles it: one kernel, with further results for its backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from unfoldify.rules import Rule
from unfoldify.rules.attention import scaled_dot_product_attention
from unfoldify.rules.rule import Style

KERNELS = (
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_fused_attention_overrideable",
)
SHARED = ("query", "key", "value", "dropout_p", "is_causal", "scale")


def by_name(kernel: str, args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments that attention has in common with its kernels, by their names."""
    schema = getattr(torch.ops.aten, kernel).default._schema
    given = dict(zip((argument.name for argument in schema.arguments), args, strict=False)) | kwargs
    shared = {name: given[name] for name in SHARED if name in given}
    return shared | {"attn_mask": given.get("attn_mask", given.get("attn_bias"))}


def rule_for(kernel: str) -> Rule:
    """Attention by the arguments of one of its kernels."""

    def function(*args: Any, style: Style = "product", **kwargs: Any) -> tuple[Tensor]:
        return (scaled_dot_product_attention(**by_name(kernel, args, kwargs), style=style),)

    def describe(*args: Any, **kwargs: Any) -> str:
        given = by_name(kernel, args, kwargs)
        words = {"causal": given.get("is_causal"), "masked": given["attn_mask"] is not None}
        return ", ".join(word for word, holds in words.items() if holds)

    return Rule(function, "attention", describe)


FUSED: Mapping[Callable[..., Any], Rule] = {
    getattr(torch.ops.aten, kernel).default: rule_for(kernel)
    for kernel in KERNELS
    if hasattr(torch.ops.aten, kernel)
}
