"""What `scaled_dot_product_attention` refuses."""

from __future__ import annotations

import torch
from torch import Tensor

from unfoldify.rules.checks import check, check_dtypes, shape_of, spelled

FUNCTION = "scaled_dot_product_attention"


def check_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None,
    dropout_p: float,
    is_causal: bool,
    enable_gqa: bool,
) -> None:
    """Raises where the arguments do not fit together."""
    q, k, v = shape_of(query), shape_of(key), shape_of(value)
    for name, shape in (("query", q), ("key", k), ("value", v)):
        check(
            len(shape) >= 2,
            FUNCTION,
            f"{name} should have at least 2 dimensions, it has {len(shape)} ({spelled(shape)})",
        )
    check_dtypes(FUNCTION, query=query, key=key, value=value)
    check(
        q[-1] == k[-1],
        FUNCTION,
        f"query ({spelled(q)}) and key ({spelled(k)}) should have as many features, "
        f"they have {q[-1]} and {k[-1]}",
    )
    check(
        k[-2] == v[-2],
        FUNCTION,
        f"key ({spelled(k)}) and value ({spelled(v)}) should have as many tokens, "
        f"they have {k[-2]} and {v[-2]}",
    )
    if enable_gqa:
        _check_groups(q, k, v)
    in_range = type(dropout_p) not in (int, float) or 0 <= dropout_p <= 1
    check(in_range, FUNCTION, f"dropout_p should be between 0 and 1, it is {dropout_p}")
    check(
        attn_mask is None or not is_causal,
        FUNCTION,
        "attn_mask should not be given when is_causal=True",
    )
    if attn_mask is not None:
        check(
            attn_mask.dtype in (torch.bool, torch.float32, query.dtype),
            FUNCTION,
            f"attn_mask should be bool, float or {query.dtype} as query, it is {attn_mask.dtype}",
        )


def _check_groups(q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...]) -> None:
    for name, shape in (("key", k), ("value", v)):
        check(
            len(q) > 2 and len(shape) > 2 and shape[-3] > 0 and q[-3] % shape[-3] == 0,
            FUNCTION,
            f"the heads of {name} ({spelled(shape)}) should divide those of query ({spelled(q)})",
        )


def check_call(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> None:
    """`check_attention`, with the arguments of a call."""
    check_attention(query, key, value, attn_mask, dropout_p, is_causal, enable_gqa)
