"""Every rule as a plain function with the signature of its torch counterpart, and `style`.

from unfoldify import functional as UF
UF.conv2d(x, weight, padding=1)                  # pad, windows, multiply, sum
UF.conv2d(x, weight, padding=1, style="einsum")  # pad, windows, einsum
"""

from unfoldify.rules.addmm import addbmm, addmm, addmv, addr, baddbmm
from unfoldify.rules.attention import scaled_dot_product_attention
from unfoldify.rules.cells import gru_cell, lstm_cell, rnn_relu_cell, rnn_tanh_cell
from unfoldify.rules.chain import chain_matmul, matrix_power, multi_dot
from unfoldify.rules.convolution import conv1d, conv2d, conv3d
from unfoldify.rules.einsum import einsum
from unfoldify.rules.fused import grouped_mm, linear_cross_entropy
from unfoldify.rules.general import conv_tbc, convolution
from unfoldify.rules.linear import linear
from unfoldify.rules.matmul import bmm, dot, matmul, mm, mv
from unfoldify.rules.multihead import multi_head_attention_forward
from unfoldify.rules.products import bilinear, inner, kron, outer, tensordot, vdot, vecdot
from unfoldify.rules.recurrent import gru, lstm, rnn_relu, rnn_tanh
from unfoldify.rules.statistics import corrcoef, cov
from unfoldify.rules.transposed import conv_transpose1d, conv_transpose2d, conv_transpose3d

__all__ = [
    "addbmm",
    "addmm",
    "addmv",
    "addr",
    "baddbmm",
    "bilinear",
    "bmm",
    "chain_matmul",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_tbc",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "convolution",
    "corrcoef",
    "cov",
    "dot",
    "einsum",
    "grouped_mm",
    "gru",
    "gru_cell",
    "inner",
    "kron",
    "linear",
    "linear_cross_entropy",
    "lstm",
    "lstm_cell",
    "matmul",
    "matrix_power",
    "mm",
    "multi_dot",
    "multi_head_attention_forward",
    "mv",
    "outer",
    "rnn_relu",
    "rnn_relu_cell",
    "rnn_tanh",
    "rnn_tanh_cell",
    "scaled_dot_product_attention",
    "tensordot",
    "vdot",
    "vecdot",
]
