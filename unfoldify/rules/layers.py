"""Layers that read better when they are spelled out whole than by the functions they call."""

from __future__ import annotations

from torch import Tensor, nn

from unfoldify.rules.multihead import multi_head_attention_forward
from unfoldify.rules.rule import Style


def multihead_attention(
    layer: nn.MultiheadAttention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    *,
    style: Style = "product",
) -> tuple[Tensor, Tensor | None]:
    """The forward of the layer: `b n_q (h d), b n_k (h d), b n_k (h d) -> b n_q (h d)`

    Read from the layer, masks stay what they are, and the batch stays in front where batch_first
    says so; on the way to the function, torch makes every mask a float and turns every sequence.
    """
    same = layer._qkv_same_embed_dim
    return multi_head_attention_forward(
        query,
        key,
        value,
        layer.embed_dim,
        layer.num_heads,
        layer.in_proj_weight if same else None,
        layer.in_proj_bias,
        layer.bias_k,
        layer.bias_v,
        layer.add_zero_attn,
        layer.dropout,
        layer.out_proj.weight,
        layer.out_proj.bias,
        layer.training,
        key_padding_mask,
        need_weights,
        attn_mask,
        not same,
        None if same else layer.q_proj_weight,
        None if same else layer.k_proj_weight,
        None if same else layer.v_proj_weight,
        average_attn_weights=average_attn_weights,
        is_causal=is_causal,
        batch_first=layer.batch_first,
        style=style,
    )
