"""The table: which torch function is spelled out by which rule, one row for each rule.

`RULES` has a key for each spelling of a function; extend it by another mapping:
`RULES | {F.foo: Rule(foo, "foo")}`. `ON_REQUEST` holds the families that are spelled out only
where somebody asks, `LAYERS` the layers that read better whole than by the functions they call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import einops
import torch
import torch.nn.functional as F
from torch import nn

from unfoldify.rules import (
    addmm,
    cells,
    chain,
    fused,
    matmul,
    products,
    recurrent,
    statistics,
    transposed,
)
from unfoldify.rules.attention import scaled_dot_product_attention
from unfoldify.rules.convolution import conv1d, conv2d, conv3d
from unfoldify.rules.descriptions import (
    describe_attention,
    describe_convolution,
    describe_einsum,
    describe_general,
    describe_multihead,
    describe_multihead_layer,
    describe_multihead_native,
    describe_recurrent,
    describe_transposed,
)
from unfoldify.rules.einsum import einsum, named_einsum
from unfoldify.rules.general import conv_tbc, convolution
from unfoldify.rules.into import in_place
from unfoldify.rules.layers import multihead_attention
from unfoldify.rules.linear import linear
from unfoldify.rules.multihead import multi_head_attention_forward
from unfoldify.rules.requested import FAMILIES
from unfoldify.rules.rule import Decline, Rule, Spellings, Style

__all__ = ["LAYERS", "ON_REQUEST", "RULES", "Decline", "Rule", "Style"]

T = torch.Tensor
L = torch.linalg
aten = torch.ops.aten

_CONVOLUTIONS: tuple[tuple[Rule, Spellings], ...] = (
    (
        Rule(conv1d, "conv", describe_convolution),
        (torch.conv1d, aten.conv1d.default, aten.conv1d.padding),
    ),
    (
        Rule(conv2d, "conv", describe_convolution),
        (torch.conv2d, aten.conv2d.default, aten.conv2d.padding),
    ),
    (
        Rule(conv3d, "conv", describe_convolution),
        (torch.conv3d, aten.conv3d.default, aten.conv3d.padding),
    ),
    (
        Rule(transposed.conv_transpose1d, "conv_transpose", describe_transposed),
        (torch.conv_transpose1d, aten.conv_transpose1d.default),
    ),
    (
        Rule(transposed.conv_transpose2d, "conv_transpose", describe_transposed),
        (torch.conv_transpose2d, aten.conv_transpose2d.input),
    ),
    (
        Rule(transposed.conv_transpose3d, "conv_transpose", describe_transposed),
        (torch.conv_transpose3d, aten.conv_transpose3d.input),
    ),
    (
        Rule(convolution, "conv", describe_general),
        (
            torch.convolution,
            torch._convolution,
            aten.convolution.default,
            aten._convolution.default,
        ),
    ),
    (Rule(conv_tbc, "conv"), (torch.conv_tbc, aten.conv_tbc.default)),
)

_PRODUCTS: tuple[tuple[Rule, Spellings], ...] = (
    (Rule(linear, "linear"), (F.linear, aten.linear.default)),
    (Rule(fused.linear_cross_entropy, "linear"), (F.linear_cross_entropy,)),
    (Rule(products.bilinear, "bilinear"), (F.bilinear, aten.bilinear.default)),
    (
        Rule(matmul.matmul, "matmul"),
        (torch.matmul, T.matmul, T.__matmul__, L.matmul, aten.matmul.default),
    ),
    (Rule(matmul.rmatmul, "matmul"), (T.__rmatmul__,)),
    (Rule(matmul.mm, "matmul"), (torch.mm, T.mm, aten.mm.default)),
    (Rule(matmul.bmm, "matmul"), (torch.bmm, T.bmm, aten.bmm.default)),
    (Rule(matmul.mv, "matmul"), (torch.mv, T.mv, aten.mv.default)),
    (Rule(matmul.dot, "matmul"), (torch.dot, T.dot, aten.dot.default)),
    (Rule(products.vdot, "matmul"), (torch.vdot, T.vdot, aten.vdot.default)),
    (Rule(products.vecdot, "matmul"), (L.vecdot, aten.linalg_vecdot.default)),
    (Rule(products.inner, "matmul"), (torch.inner, T.inner, aten.inner.default)),
    (
        Rule(products.outer, "matmul"),
        (torch.outer, torch.ger, T.outer, T.ger, aten.outer.default, aten.ger.default),
    ),
    (Rule(products.kron, "matmul"), (torch.kron, T.kron, aten.kron.default)),
    (Rule(products.tensordot, "matmul"), (torch.tensordot,)),
    (Rule(products.tensordot_over, "matmul"), (aten.tensordot.default,)),
    (Rule(einsum, "einsum", describe_einsum), (torch.einsum, aten.einsum.default)),
    (Rule(named_einsum, "einsum", describe_einsum), (einops.einsum,)),
    (Rule(chain.multi_dot, "matmul"), (L.multi_dot, aten.linalg_multi_dot.default)),
    (Rule(chain.chain_matmul, "matmul"), (torch.chain_matmul,)),
    (
        Rule(chain.matrix_power, "matmul"),
        (torch.matrix_power, T.matrix_power, L.matrix_power),
    ),
)

_OTHERS: tuple[tuple[Rule, Spellings], ...] = (
    (
        Rule(fused.grouped_mm, "matmul"),
        (F.grouped_mm, torch._grouped_mm, aten._grouped_mm.default),
    ),
    (Rule(statistics.cov, "matmul"), (torch.cov, T.cov)),
    (Rule(statistics.corrcoef, "matmul"), (torch.corrcoef, T.corrcoef)),
)

_SUMMANDS: tuple[tuple[Rule, Spellings], ...] = (
    (Rule(addmm.addmm, "matmul"), (torch.addmm, T.addmm, aten.addmm.default)),
    (Rule(addmm.baddbmm, "matmul"), (torch.baddbmm, T.baddbmm, aten.baddbmm.default)),
    (Rule(addmm.addbmm, "matmul"), (torch.addbmm, T.addbmm, aten.addbmm.default)),
    (Rule(addmm.addmv, "matmul"), (torch.addmv, T.addmv, aten.addmv.default)),
    (Rule(addmm.addr, "matmul"), (torch.addr, T.addr, aten.addr.default)),
    (Rule(in_place(addmm.addmm), "matmul"), (T.addmm_,)),
    (Rule(in_place(addmm.baddbmm), "matmul"), (T.baddbmm_,)),
    (Rule(in_place(addmm.addbmm), "matmul"), (T.addbmm_,)),
    (Rule(in_place(addmm.addmv), "matmul"), (T.addmv_, torch.addmv_)),
    (Rule(in_place(addmm.addr), "matmul"), (T.addr_,)),
)

_ATTENTION: tuple[tuple[Rule, Spellings], ...] = (
    (
        Rule(scaled_dot_product_attention, "attention", describe_attention),
        (F.scaled_dot_product_attention, aten.scaled_dot_product_attention.default),
    ),
    (
        Rule(multi_head_attention_forward, "attention", describe_multihead),
        (F.multi_head_attention_forward,),
    ),
    (
        Rule(fused.native_multi_head_attention, "attention", describe_multihead_native),
        (torch._native_multi_head_attention, aten._native_multi_head_attention.default),
    ),
    (
        Rule(fused.transformer_encoder_layer_fwd, "attention"),
        (torch._transformer_encoder_layer_fwd, aten._transformer_encoder_layer_fwd.default),
    ),
)

_RECURRENT: tuple[tuple[Rule, Spellings], ...] = (
    (
        Rule(recurrent.lstm, "recurrent", describe_recurrent),
        (torch.lstm, aten.lstm.input, aten.lstm.data),
    ),
    (
        Rule(recurrent.gru, "recurrent", describe_recurrent),
        (torch.gru, aten.gru.input, aten.gru.data),
    ),
    (
        Rule(recurrent.rnn_tanh, "recurrent", describe_recurrent),
        (torch.rnn_tanh, aten.rnn_tanh.input, aten.rnn_tanh.data),
    ),
    (
        Rule(recurrent.rnn_relu, "recurrent", describe_recurrent),
        (torch.rnn_relu, aten.rnn_relu.input, aten.rnn_relu.data),
    ),
    (Rule(cells.lstm_cell, "recurrent"), (torch.lstm_cell, aten.lstm_cell.default)),
    (Rule(cells.gru_cell, "recurrent"), (torch.gru_cell, aten.gru_cell.default)),
    (Rule(cells.rnn_tanh_cell, "recurrent"), (torch.rnn_tanh_cell, aten.rnn_tanh_cell.default)),
    (Rule(cells.rnn_relu_cell, "recurrent"), (torch.rnn_relu_cell, aten.rnn_relu_cell.default)),
)


def _rows(*tables: tuple[tuple[Rule, Spellings], ...]) -> dict[Callable[..., Any], Rule]:
    return {
        spelling: rule for table in tables for rule, spellings in table for spelling in spellings
    }


RULES: Mapping[Callable[..., Any], Rule] = _rows(
    _CONVOLUTIONS, _PRODUCTS, _OTHERS, _SUMMANDS, _ATTENTION, _RECURRENT
)

LAYERS: Mapping[type[nn.Module], Rule] = {
    nn.MultiheadAttention: Rule(multihead_attention, "attention", describe_multihead_layer),
}

ON_REQUEST: Mapping[str, Mapping[Callable[..., Any], Rule]] = {
    family: _rows(table) for family, table in FAMILIES.items()
}
