"""Every rule as a plain function with the signature of its torch counterpart, and `style`.

from unfoldify import functional as UF
UF.conv2d(x, weight, padding=1)                  # pad, windows, multiply, sum
UF.conv2d(x, weight, padding=1, style="einsum")  # pad, windows, einsum
"""

from unfoldify.rules.addmm import addmm, baddbmm
from unfoldify.rules.attention import scaled_dot_product_attention
from unfoldify.rules.convolution import conv1d, conv2d, conv3d
from unfoldify.rules.linear import linear
from unfoldify.rules.matmul import bmm, dot, matmul, mm, mv
from unfoldify.rules.transposed import conv_transpose1d, conv_transpose2d, conv_transpose3d

__all__ = [
    "addmm",
    "baddbmm",
    "bmm",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "dot",
    "linear",
    "matmul",
    "mm",
    "mv",
    "scaled_dot_product_attention",
]
