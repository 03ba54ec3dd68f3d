"""What `multi_head_attention_forward` refuses; like torch, mostly with an AssertionError."""

from __future__ import annotations

import torch
from torch import Tensor

from unfoldify.rules.checks import shape_of, spelled

FUNCTION = "multi_head_attention_forward"
Optional4 = tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]


def check_multihead(
    sources: tuple[Tensor, Tensor, Tensor],
    sizes: tuple[int, int, bool],
    weights: Optional4,
    extras: Optional4,
    masks: tuple[Tensor | None, Tensor | None, bool],
    separate: bool,
) -> None:
    """Raises where the arguments do not fit together."""
    query, key, value = sources
    embed_dim, heads, batch_first = sizes
    key_padding_mask, attn_mask, is_causal = masks
    _check_sources(query, key, value, separate)
    width = shape_of(query)[-1]
    _expect(width == embed_dim, f"query should have {embed_dim} features, it has {width}")
    _expect(width % heads == 0, f"embed_dim ({width}) should be a multiple of num_heads ({heads})")
    names = ("q_proj_weight", "k_proj_weight", "v_proj_weight") if separate else ("in_proj_weight",)
    for name, weight in zip(names, weights[1:] if separate else weights[:1], strict=True):
        _expect(
            weight is not None,
            f"{name} should be given with use_separate_proj_weight={separate}, it is None",
        )
    _check_extras(*extras)
    if is_causal and attn_mask is None:
        raise RuntimeError(f"{FUNCTION}: is_causal is a hint about attn_mask, which is not given")
    n_q, n_k = shape_of(query)[0], shape_of(key)[0]
    batch = shape_of(query)[1] if query.dim() == 3 else 1
    if query.dim() == 3 and batch_first:
        n_q, n_k, batch = shape_of(query)[1], shape_of(key)[1], shape_of(query)[0]
    _check_masks(key_padding_mask, attn_mask, query.dim() == 3, (batch, heads, n_q, n_k))


def _expect(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(f"{FUNCTION}: {message}")


def _check_sources(query: Tensor, key: Tensor, value: Tensor, separate: bool) -> None:
    shape = spelled(shape_of(query))
    _expect(query.dim() in (2, 3), f"query should have 2 or 3 dimensions, it is {shape}")
    for name, x in (("key", key), ("value", value)):
        _expect(
            x.dim() == query.dim(),
            f"{name} should have {query.dim()} dimensions as query ({shape}), "
            f"it is {spelled(shape_of(x))}",
        )
    k, v = shape_of(key), shape_of(value)
    same = k[:-1] == v[:-1] if separate else k == v
    _expect(same, f"key ({spelled(k)}) and value ({spelled(v)}) should be of one shape")


def _check_extras(
    bias_k: Tensor | None, bias_v: Tensor | None, static_k: Tensor | None, static_v: Tensor | None
) -> None:
    _expect(
        (bias_k is None) == (bias_v is None),
        "bias_k and bias_v should be given together, one of them is None",
    )
    _expect(
        bias_k is None or (static_k is None and static_v is None),
        "bias_k and bias_v do not go with static_k and static_v",
    )


def _check_masks(
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    batched: bool,
    sizes: tuple[int, int, int, int],
) -> None:
    batch, heads, n_q, n_k = sizes
    for name, mask in (("key_padding_mask", key_padding_mask), ("attn_mask", attn_mask)):
        _expect(
            mask is None or mask.dtype == torch.bool or mask.is_floating_point(),
            f"{name} should be bool or float, it is {mask.dtype if mask is not None else None}",
        )
    if key_padding_mask is not None:
        wanted, found = ((batch, n_k) if batched else (n_k,)), shape_of(key_padding_mask)
        _expect(
            wanted == found,
            f"key_padding_mask should be {spelled(wanted)}, it is {spelled(found)}",
        )
    if attn_mask is not None:
        found = shape_of(attn_mask)
        if found not in ((n_q, n_k), (batch * heads, n_q, n_k)):
            raise RuntimeError(
                f"{FUNCTION}: attn_mask should be {spelled((n_q, n_k))} or "
                f"{spelled((batch * heads, n_q, n_k))}, it is {spelled(found)}"
            )
