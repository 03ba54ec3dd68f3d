# mypy: ignore-errors
# ruff: noqa: B905  (stands in a user's file as it is)
"""Transposed convolutions: every pixel becomes a tile of the result, and tiles that overlap are added.

In three dimensions, where torch cannot add tiles: zeros between the pixels, then a convolution with
the kernel turned round.
"""

import torch.nn.functional as F
from einops import einsum, rearrange

from .switches import DILATED, GROUPED, PRODUCT, UNBATCHED


def wanted_padding(layer, x, output_size):
    """The output padding with which a transposed convolution gives a wanted size"""
    sizes = zip(
        output_size[-len(layer.stride) :],
        x.shape[-len(layer.stride) :],
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.kernel_size,
    )
    return tuple(out - ((n - 1) * s - 2 * p + d * (k - 1) + 1) for out, n, s, p, d, k in sizes)


def conv_transpose1d(
    x, weight, bias=None, stride=(1,), padding=(0,), output_padding=(0,), groups=1, dilation=(1,)
):
    """`b (g c_in) n_in, (g c_in) c_out k -> b (g c_out) n_out`"""
    x = conv_transpose2d(
        x[..., None],
        weight[..., None],
        None,
        (*stride, 1),
        (*padding, 0),
        (*output_padding, 0),
        groups=groups,
        dilation=(*dilation, 1),
    )[..., 0]
    return x if bias is None else x + rearrange(bias, "c_out -> c_out 1")


def conv_transpose2d(
    x,
    weight,
    bias=None,
    stride=(1, 1),
    padding=(0, 0),
    output_padding=(0, 0),
    groups=1,
    dilation=(1, 1),
):
    """`b (g c_in) h_in w_in, (g c_in) c_out kh kw -> b (g c_out) h_out w_out`"""
    if UNBATCHED and x.dim() == 3:
        return conv_transpose2d(
            x[None], weight, bias, stride, padding, output_padding, groups=groups, dilation=dilation
        )[0]
    h_in, w_in = x.shape[2:]
    kh, kw = weight.shape[2:]
    if DILATED:
        rows, columns = dilation[0] * (kh - 1) + 1, dilation[1] * (kw - 1) + 1
    else:
        rows, columns = kh, kw
    h_out = (h_in - 1) * stride[0] - 2 * padding[0] + rows + output_padding[0]
    w_out = (w_in - 1) * stride[1] - 2 * padding[1] + columns + output_padding[1]

    # every pixel becomes a tile of the result
    if GROUPED and PRODUCT:
        x = rearrange(x, "b (g c_in) h w -> b g c_in 1 1 1 (h w)", g=groups)
        w = rearrange(weight, "(g c_in) c_out kh kw -> g c_in c_out kh kw 1", g=groups)
        x = (x * w).sum(dim=2)  # over c_in
    elif GROUPED:
        x = rearrange(x, "b (g c_in) h w -> b g c_in (h w)", g=groups)
        w = rearrange(weight, "(g c_in) c_out kh kw -> g c_in c_out kh kw", g=groups)
        x = einsum(w, x, "g c_in c_out kh kw, b g c_in n -> b g c_out kh kw n")
    elif PRODUCT:
        x = rearrange(x, "b c_in h w -> b c_in 1 1 1 (h w)")
        w = rearrange(weight, "c_in c_out kh kw -> c_in c_out kh kw 1")
        x = (x * w).sum(dim=1)  # over c_in
    else:
        x = rearrange(x, "b c_in h w -> b c_in (h w)")
        x = einsum(weight, x, "c_in c_out kh kw, b c_in n -> b c_out kh kw n")

    # tiles that overlap are added
    if GROUPED:
        x = rearrange(x, "b g c_out kh kw n -> b (g c_out kh kw) n")
    else:
        x = rearrange(x, "b c_out kh kw n -> b (c_out kh kw) n")
    if DILATED:
        x = F.fold(x, (h_out, w_out), (kh, kw), dilation, padding, stride)
    else:
        x = F.fold(x, (h_out, w_out), (kh, kw), padding=padding, stride=stride)
    return x if bias is None else x + rearrange(bias, "c_out -> c_out 1 1")


def conv_transpose3d(
    x,
    weight,
    bias=None,
    stride=(1, 1, 1),
    padding=(0, 0, 0),
    output_padding=(0, 0, 0),
    groups=1,
    dilation=(1, 1, 1),
):
    """`b (g c_in) d_in h_in w_in, (g c_in) c_out kd kh kw -> b (g c_out) d_out h_out w_out`"""
    if UNBATCHED and x.dim() == 4:
        return conv_transpose3d(
            x[None], weight, bias, stride, padding, output_padding, groups=groups, dilation=dilation
        )[0]
    kd, kh, kw = weight.shape[2:]
    sd, sh, sw = stride
    pd, ph, pw = padding
    od, oh, ow = output_padding

    # zeros between the pixels
    x = rearrange(x, "b c_in d h w -> b c_in d 1 h 1 w 1")
    x = F.pad(x, (0, sw - 1, 0, 0, 0, sh - 1, 0, 0, 0, sd - 1))
    x = rearrange(x, "b c_in d sd h sh w sw -> b c_in (d sd) (h sh) (w sw)")

    # a convolution with the kernel turned round
    if DILATED:
        dd, dh, dw = dilation
        front = dd * (kd - 1) - pd
        top = dh * (kh - 1) - ph
        left = dw * (kw - 1) - pw
    else:
        front = kd - 1 - pd
        top = kh - 1 - ph
        left = kw - 1 - pw
    x = F.pad(x, (left, left + ow - sw + 1, top, top + oh - sh + 1, front, front + od - sd + 1))
    if DILATED:
        depth = dd * (kd - 1) + 1
        rows = dh * (kh - 1) + 1
        columns = dw * (kw - 1) + 1
        x = x.unfold(2, depth, 1).unfold(3, rows, 1).unfold(4, columns, 1)[..., ::dd, ::dh, ::dw]
    else:
        x = x.unfold(2, kd, 1).unfold(3, kh, 1).unfold(4, kw, 1)
    w = weight.flip(2, 3, 4)
    if GROUPED and PRODUCT:
        x = rearrange(
            x,
            "b (g c_in) d_out h_out w_out kd kh kw -> b g 1 c_in d_out h_out w_out kd kh kw",
            g=groups,
        )
        w = rearrange(w, "(g c_in) c_out kd kh kw -> g c_out c_in 1 1 1 kd kh kw", g=groups)
        x = (x * w).sum(dim=(3, 7, 8, 9))  # over c_in, kd, kh, kw
        x = rearrange(x, "b g c_out d_out h_out w_out -> b (g c_out) d_out h_out w_out")
    elif GROUPED:
        x = rearrange(
            x,
            "b (g c_in) d_out h_out w_out kd kh kw -> b g c_in d_out h_out w_out kd kh kw",
            g=groups,
        )
        w = rearrange(w, "(g c_in) c_out kd kh kw -> g c_in c_out kd kh kw", g=groups)
        x = einsum(
            w,
            x,
            "g c_in c_out kd kh kw, b g c_in d_out h_out w_out kd kh kw -> b g c_out d_out h_out w_out",
        )
        x = rearrange(x, "b g c_out d_out h_out w_out -> b (g c_out) d_out h_out w_out")
    elif PRODUCT:
        x = rearrange(x, "b c_in d_out h_out w_out kd kh kw -> b 1 c_in d_out h_out w_out kd kh kw")
        w = rearrange(w, "c_in c_out kd kh kw -> c_out c_in 1 1 1 kd kh kw")
        x = (x * w).sum(dim=(2, 6, 7, 8))  # over c_in, kd, kh, kw
    else:
        x = einsum(
            w,
            x,
            "c_in c_out kd kh kw, b c_in d_out h_out w_out kd kh kw -> b c_out d_out h_out w_out",
        )
    return x if bias is None else x + rearrange(bias, "c_out -> c_out 1 1 1")


def conv_transpose1d_to(layer, x, output_size):
    """What nn.ConvTranspose1d computes for a wanted output size"""
    output_padding = wanted_padding(layer, x, output_size)
    return conv_transpose1d(
        x,
        layer.weight,
        layer.bias,
        layer.stride,
        layer.padding,
        output_padding,
        groups=layer.groups,
        dilation=layer.dilation,
    )


def conv_transpose2d_to(layer, x, output_size):
    """What nn.ConvTranspose2d computes for a wanted output size"""
    output_padding = wanted_padding(layer, x, output_size)
    return conv_transpose2d(
        x,
        layer.weight,
        layer.bias,
        layer.stride,
        layer.padding,
        output_padding,
        groups=layer.groups,
        dilation=layer.dilation,
    )


def conv_transpose3d_to(layer, x, output_size):
    """What nn.ConvTranspose3d computes for a wanted output size"""
    output_padding = wanted_padding(layer, x, output_size)
    return conv_transpose3d(
        x,
        layer.weight,
        layer.bias,
        layer.stride,
        layer.padding,
        output_padding,
        groups=layer.groups,
        dilation=layer.dilation,
    )
