"""Scaled dot-product attention against torch's: masks, shapes, gradients of gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from agreement import STYLES, agrees, both_styles, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unfoldify import functional as UF

attention = UF.scaled_dot_product_attention


def bool_mask(*shape: int, seed: int = 9) -> Tensor:
    return noise(*shape, seed=seed) > 0


def float_mask(*shape: int) -> Tensor:
    return noise(*shape, seed=8).masked_fill(bool_mask(*shape), float("-inf"))


@st.composite
def calls(draw: st.DrawFn) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Queries, keys and values of one rank, with masks that broadcast."""
    size = st.integers(1, 4)
    lead = draw(st.lists(size, max_size=3))
    n_q, n_k, d, d_v = draw(size), draw(size), draw(size), draw(size)
    q, k = noise(*lead, n_q, d), noise(*lead, n_k, d, seed=1)
    v = noise(*lead, n_k, d_v, seed=2)
    kind = draw(st.sampled_from(["none", "causal", "bool", "float"]))
    kwargs: dict[str, Any] = {"scale": draw(st.sampled_from([None, 1.0, 0.3]))}
    if kind == "causal":
        kwargs["is_causal"] = True
    elif kind != "none":
        of_mask = [draw(st.sampled_from([1, n])) for n in lead]
        of_mask = of_mask[draw(st.integers(0, len(of_mask))) :]
        make = bool_mask if kind == "bool" else float_mask
        kwargs["attn_mask"] = make(*of_mask, n_q, n_k)
    return (q, k, v), kwargs


@given(calls(), st.sampled_from(STYLES))
@settings(max_examples=40, deadline=None)
def test_any_attention(call: Any, style: str) -> None:
    args, kwargs = call
    agrees(attention, F.scaled_dot_product_attention, *args, **kwargs, style=style)


@both_styles
@pytest.mark.parametrize(("n_q", "n_k"), [(5, 3), (3, 5), (4, 4)])
def test_causal_counts_from_the_first_token(n_q: int, n_k: int, style: str) -> None:
    q, k = noise(2, 3, n_q, 4), noise(2, 3, n_k, 4, seed=1)
    agrees(attention, F.scaled_dot_product_attention, q, k, k, is_causal=True, style=style)


@both_styles
@pytest.mark.parametrize("mask", [bool_mask, float_mask])
def test_a_query_that_sees_nothing_gets_zeros(mask: Any, style: str) -> None:
    q, k = noise(2, 3, 4, 5), noise(2, 3, 6, 5, seed=1)
    keep = mask(4, 6)
    keep[1] = False if keep.dtype == torch.bool else float("-inf")
    agrees(attention, F.scaled_dot_product_attention, q, k, k, keep, style=style)
    assert (attention(q, k, k, keep, style=style)[..., 1, :] == 0).all()


@both_styles
@pytest.mark.parametrize("heads", [1, 2, 3])
def test_grouped_queries(heads: int, style: str) -> None:
    q, k, v = noise(2, 6, 4, 5), noise(2, heads, 7, 5), noise(2, 3, 7, 5)
    agrees(attention, F.scaled_dot_product_attention, q, k, v, enable_gqa=True, style=style)


@both_styles
def test_dropout_draws_what_torch_draws(style: str) -> None:
    q, k = noise(2, 3, 4, 5), noise(2, 3, 6, 5, seed=1)
    agrees(attention, F.scaled_dot_product_attention, q, k, k, None, 0.4, style=style)


@both_styles
def test_operands_of_different_ranks(style: str) -> None:
    q, k = noise(3, 4, 5), noise(2, 3, 6, 5, seed=1)
    agrees(attention, F.scaled_dot_product_attention, q, k, k, style=style)
    agrees(attention, F.scaled_dot_product_attention, k, q, q, style=style)


@both_styles
def test_a_mask_that_learns(style: str) -> None:
    q, k = noise(2, 3, 4, 5), noise(2, 3, 6, 5, seed=1)
    agrees(attention, F.scaled_dot_product_attention, q, k, k, noise(3, 4, 6), style=style)


@both_styles
def test_a_float_mask_for_half_queries(style: str) -> None:
    q = noise(2, 3, 4, 8, dtype=torch.bfloat16)
    mask = float_mask(4, 4).float()
    mask[:, 0] = 0
    got = attention(q, q, q, mask, style=style)
    want = F.scaled_dot_product_attention(q, q, q, mask)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got, want, rtol=0.03, atol=0.03)


@both_styles
@pytest.mark.parametrize("mask", ["none", "causal", "bool", "float"])
def test_twice_differentiable(mask: str, style: str) -> None:
    q, k = noise(2, 3, 2).requires_grad_(), noise(2, 4, 2, seed=1).requires_grad_()
    v = noise(2, 4, 2, seed=2).requires_grad_()
    masks = {"bool": bool_mask(3, 4), "float": float_mask(3, 4)}

    def call(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return attention(q, k, v, masks.get(mask), is_causal=mask == "causal", style=style)

    assert torch.autograd.gradcheck(call, (q, k, v))
    assert torch.autograd.gradgradcheck(call, (q, k, v))


@both_styles
@pytest.mark.parametrize("mask", [None, "bool", "float"])
def test_vmap_and_jvp(mask: str | None, style: str) -> None:
    q, k = noise(5, 2, 3, 4), noise(5, 2, 6, 4, seed=1)
    keep = {None: None, "bool": bool_mask(3, 6), "float": float_mask(3, 6)}[mask]

    def call(q: Tensor, k: Tensor) -> Tensor:
        return attention(q, k, k, keep, style=style)

    torch.testing.assert_close(torch.vmap(call)(q, k), call(q, k))
    tangents = noise(5, 2, 3, 4, seed=5), noise(5, 2, 6, 4, seed=6)
    value, slope = torch.func.jvp(call, (q, k), tangents)
    step = 1e-6
    moved = [x + step * t for x, t in zip((q, k), tangents, strict=True)]
    back = [x - step * t for x, t in zip((q, k), tangents, strict=True)]
    torch.testing.assert_close(value, call(q, k))
    torch.testing.assert_close(
        slope, (call(*moved) - call(*back)) / (2 * step), rtol=1e-6, atol=1e-7
    )
