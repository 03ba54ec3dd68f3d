"""Every rule as a plain function with the signature of its torch counterpart, and `style`.

from unfoldify import functional as UF
UF.conv2d(x, weight, padding=1)                  # pad, windows, multiply, sum
UF.conv2d(x, weight, padding=1, style="einsum")  # pad, windows, einsum
"""

from unfoldify.rules.adaptive import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
)
from unfoldify.rules.addmm import addbmm, addmm, addmv, addr, baddbmm
from unfoldify.rules.attention import scaled_dot_product_attention
from unfoldify.rules.cells import gru_cell, lstm_cell, rnn_relu_cell, rnn_tanh_cell
from unfoldify.rules.chain import chain_matmul, matrix_power, multi_dot
from unfoldify.rules.convolution import conv1d, conv2d, conv3d
from unfoldify.rules.einsum import einsum
from unfoldify.rules.embeddings import embedding
from unfoldify.rules.folding import fold, unfold
from unfoldify.rules.fused import grouped_mm, linear_cross_entropy
from unfoldify.rules.general import conv_tbc, convolution
from unfoldify.rules.linear import linear
from unfoldify.rules.matmul import bmm, dot, matmul, mm, mv
from unfoldify.rules.multihead import multi_head_attention_forward
from unfoldify.rules.norms import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    rms_norm,
)
from unfoldify.rules.pooling import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)
from unfoldify.rules.products import bilinear, inner, kron, outer, tensordot, vdot, vecdot
from unfoldify.rules.recurrent import gru, lstm, rnn_relu, rnn_tanh
from unfoldify.rules.shuffles import (
    channel_shuffle,
    flatten,
    pixel_shuffle,
    pixel_unshuffle,
    unflatten,
)
from unfoldify.rules.softmaxes import log_softmax, softmax, softmin
from unfoldify.rules.statistics import corrcoef, cov
from unfoldify.rules.transposed import conv_transpose1d, conv_transpose2d, conv_transpose3d

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "addbmm",
    "addmm",
    "addmv",
    "addr",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "baddbmm",
    "batch_norm",
    "bilinear",
    "bmm",
    "chain_matmul",
    "channel_shuffle",
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
    "embedding",
    "flatten",
    "fold",
    "group_norm",
    "grouped_mm",
    "gru",
    "gru_cell",
    "inner",
    "instance_norm",
    "kron",
    "layer_norm",
    "linear",
    "linear_cross_entropy",
    "local_response_norm",
    "log_softmax",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "lstm",
    "lstm_cell",
    "matmul",
    "matrix_power",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "mm",
    "multi_dot",
    "multi_head_attention_forward",
    "mv",
    "outer",
    "pixel_shuffle",
    "pixel_unshuffle",
    "rms_norm",
    "rnn_relu",
    "rnn_relu_cell",
    "rnn_tanh",
    "rnn_tanh_cell",
    "scaled_dot_product_attention",
    "softmax",
    "softmin",
    "tensordot",
    "unflatten",
    "unfold",
    "vdot",
    "vecdot",
]
