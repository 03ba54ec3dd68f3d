"""The table: which torch function is spelled out by which rule, one row for each spelling.

Extend it by another mapping: `RULES | {F.foo: Rule(foo, "foo")}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F

from unfoldify.rules.addmm import addmm, baddbmm
from unfoldify.rules.attention import scaled_dot_product_attention
from unfoldify.rules.convolution import conv1d, conv2d, conv3d
from unfoldify.rules.descriptions import (
    describe_attention,
    describe_convolution,
    describe_transposed,
)
from unfoldify.rules.into import in_place
from unfoldify.rules.linear import linear
from unfoldify.rules.matmul import bmm, dot, matmul, mm, mv, rmatmul
from unfoldify.rules.rule import Decline, Rule, Style
from unfoldify.rules.transposed import conv_transpose1d, conv_transpose2d, conv_transpose3d

__all__ = ["ON_REQUEST", "RULES", "Decline", "Rule", "Style"]

T = torch.Tensor
aten = torch.ops.aten

_LINEAR = Rule(linear, "linear")
_CONV1D = Rule(conv1d, "conv", describe_convolution)
_CONV2D = Rule(conv2d, "conv", describe_convolution)
_CONV3D = Rule(conv3d, "conv", describe_convolution)
_TRANSPOSED1D = Rule(conv_transpose1d, "conv_transpose", describe_transposed)
_TRANSPOSED2D = Rule(conv_transpose2d, "conv_transpose", describe_transposed)
_TRANSPOSED3D = Rule(conv_transpose3d, "conv_transpose", describe_transposed)
_MATMUL = Rule(matmul, "matmul")
_ATTENTION = Rule(scaled_dot_product_attention, "attention", describe_attention)

RULES: Mapping[Callable[..., Any], Rule] = {
    F.linear: _LINEAR,
    aten.linear.default: _LINEAR,
    torch.conv1d: _CONV1D,
    torch.conv2d: _CONV2D,
    torch.conv3d: _CONV3D,
    aten.conv1d.default: _CONV1D,
    aten.conv2d.default: _CONV2D,
    aten.conv3d.default: _CONV3D,
    aten.conv1d.padding: _CONV1D,
    aten.conv2d.padding: _CONV2D,
    aten.conv3d.padding: _CONV3D,
    torch.conv_transpose1d: _TRANSPOSED1D,
    torch.conv_transpose2d: _TRANSPOSED2D,
    torch.conv_transpose3d: _TRANSPOSED3D,
    aten.conv_transpose1d.default: _TRANSPOSED1D,
    aten.conv_transpose2d.input: _TRANSPOSED2D,
    aten.conv_transpose3d.input: _TRANSPOSED3D,
    torch.matmul: _MATMUL,
    T.matmul: _MATMUL,
    T.__matmul__: _MATMUL,
    T.__rmatmul__: Rule(rmatmul, "matmul"),
    torch.linalg.matmul: _MATMUL,
    aten.matmul.default: _MATMUL,
    torch.mm: Rule(mm, "matmul"),
    T.mm: Rule(mm, "matmul"),
    aten.mm.default: Rule(mm, "matmul"),
    torch.bmm: Rule(bmm, "matmul"),
    T.bmm: Rule(bmm, "matmul"),
    aten.bmm.default: Rule(bmm, "matmul"),
    torch.mv: Rule(mv, "matmul"),
    T.mv: Rule(mv, "matmul"),
    aten.mv.default: Rule(mv, "matmul"),
    torch.dot: Rule(dot, "matmul"),
    T.dot: Rule(dot, "matmul"),
    aten.dot.default: Rule(dot, "matmul"),
    torch.addmm: Rule(addmm, "matmul"),
    T.addmm: Rule(addmm, "matmul"),
    T.addmm_: Rule(in_place(addmm), "matmul"),
    aten.addmm.default: Rule(addmm, "matmul"),
    torch.baddbmm: Rule(baddbmm, "matmul"),
    T.baddbmm: Rule(baddbmm, "matmul"),
    T.baddbmm_: Rule(in_place(baddbmm), "matmul"),
    aten.baddbmm.default: Rule(baddbmm, "matmul"),
    F.scaled_dot_product_attention: _ATTENTION,
    aten.scaled_dot_product_attention.default: _ATTENTION,
}

ON_REQUEST: Mapping[str, Mapping[Callable[..., Any], Rule]] = {}
