# mypy: ignore-errors

"""Convolutions of one, two and three dimensions: windows, times the kernel, summed."""

import torch.nn.functional as F
from einops import einsum, rearrange

from .switches import DILATED, GROUPED, NAMED_PADDING, PRODUCT, UNBATCHED


def conv1d(x, weight, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    """`b (g c_in) n_in, (g c_out) c_in k -> b (g c_out) n_out`"""
    if UNBATCHED and x.dim() == 2:
        return conv1d(x[None], weight, bias, stride, padding, dilation=dilation, groups=groups)[0]
    (k,) = weight.shape[2:]
    (s,) = stride
    if DILATED:
        (d,) = dilation
        span = d * (k - 1) + 1
    if NAMED_PADDING and DILATED and padding == "same":  # the odd one comes after
        x = F.pad(x, ((span - 1) // 2, span // 2))
    elif NAMED_PADDING and padding == "same":  # the odd one comes after
        x = F.pad(x, ((k - 1) // 2, k // 2))
    elif (NAMED_PADDING and padding != "valid") or not NAMED_PADDING:
        (p,) = padding
        x = F.pad(x, (p, p))
    if DILATED:
        x = x.unfold(2, span, s)[..., ::d]
    else:
        x = x.unfold(2, k, s)
    if GROUPED and PRODUCT:
        x = rearrange(x, "b (g c_in) n_out k -> b g 1 c_in n_out k", g=groups)
        w = rearrange(weight, "(g c_out) c_in k -> g c_out c_in 1 k", g=groups)
        x = (x * w).sum(dim=(3, 5))  # over c_in, k
        x = rearrange(x, "b g c_out n_out -> b (g c_out) n_out")
    elif GROUPED:
        x = rearrange(x, "b (g c_in) n_out k -> b g c_in n_out k", g=groups)
        w = rearrange(weight, "(g c_out) c_in k -> g c_out c_in k", g=groups)
        x = einsum(w, x, "g c_out c_in k, b g c_in n_out k -> b g c_out n_out")
        x = rearrange(x, "b g c_out n_out -> b (g c_out) n_out")
    elif PRODUCT:
        x = rearrange(x, "b c_in n_out k -> b 1 c_in n_out k")
        w = rearrange(weight, "c_out c_in k -> c_out c_in 1 k")
        x = (x * w).sum(dim=(2, 4))  # over c_in, k
    else:
        x = einsum(weight, x, "c_out c_in k, b c_in n_out k -> b c_out n_out")
    return x if bias is None else x + rearrange(bias, "c_out -> c_out 1")


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """`b (g c_in) h_in w_in, (g c_out) c_in kh kw -> b (g c_out) h_out w_out`"""
    if UNBATCHED and x.dim() == 3:
        return conv2d(x[None], weight, bias, stride, padding, dilation=dilation, groups=groups)[0]
    kh, kw = weight.shape[2:]
    sh, sw = stride
    if DILATED:
        dh, dw = dilation
        rows = dh * (kh - 1) + 1
        columns = dw * (kw - 1) + 1
    if NAMED_PADDING and DILATED and padding == "same":  # the odd one comes after
        x = F.pad(x, ((columns - 1) // 2, columns // 2, (rows - 1) // 2, rows // 2))
    elif NAMED_PADDING and padding == "same":  # the odd one comes after
        x = F.pad(x, ((kw - 1) // 2, kw // 2, (kh - 1) // 2, kh // 2))
    elif (NAMED_PADDING and padding != "valid") or not NAMED_PADDING:
        ph, pw = padding
        x = F.pad(x, (pw, pw, ph, ph))
    if DILATED:
        x = x.unfold(2, rows, sh).unfold(3, columns, sw)[..., ::dh, ::dw]
    else:
        x = x.unfold(2, kh, sh).unfold(3, kw, sw)
    if GROUPED and PRODUCT:
        x = rearrange(x, "b (g c_in) h_out w_out kh kw -> b g 1 c_in h_out w_out kh kw", g=groups)
        w = rearrange(weight, "(g c_out) c_in kh kw -> g c_out c_in 1 1 kh kw", g=groups)
        x = (x * w).sum(dim=(3, 6, 7))  # over c_in, kh, kw
        x = rearrange(x, "b g c_out h_out w_out -> b (g c_out) h_out w_out")
    elif GROUPED:
        x = rearrange(x, "b (g c_in) h_out w_out kh kw -> b g c_in h_out w_out kh kw", g=groups)
        w = rearrange(weight, "(g c_out) c_in kh kw -> g c_out c_in kh kw", g=groups)
        x = einsum(w, x, "g c_out c_in kh kw, b g c_in h_out w_out kh kw -> b g c_out h_out w_out")
        x = rearrange(x, "b g c_out h_out w_out -> b (g c_out) h_out w_out")
    elif PRODUCT:
        x = rearrange(x, "b c_in h_out w_out kh kw -> b 1 c_in h_out w_out kh kw")
        w = rearrange(weight, "c_out c_in kh kw -> c_out c_in 1 1 kh kw")
        x = (x * w).sum(dim=(2, 5, 6))  # over c_in, kh, kw
    else:
        x = einsum(weight, x, "c_out c_in kh kw, b c_in h_out w_out kh kw -> b c_out h_out w_out")
    return x if bias is None else x + rearrange(bias, "c_out -> c_out 1 1")


def conv3d(x, weight, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1):
    """`b (g c_in) d_in h_in w_in, (g c_out) c_in kd kh kw -> b (g c_out) d_out h_out w_out`"""
    if UNBATCHED and x.dim() == 4:
        return conv3d(x[None], weight, bias, stride, padding, dilation=dilation, groups=groups)[0]
    kd, kh, kw = weight.shape[2:]
    sd, sh, sw = stride
    if DILATED:
        dd, dh, dw = dilation
        depth = dd * (kd - 1) + 1
        rows = dh * (kh - 1) + 1
        columns = dw * (kw - 1) + 1
    if NAMED_PADDING and DILATED and padding == "same":  # the odd one comes after
        x = F.pad(
            x,
            (
                (columns - 1) // 2,
                columns // 2,
                (rows - 1) // 2,
                rows // 2,
                (depth - 1) // 2,
                depth // 2,
            ),
        )
    elif NAMED_PADDING and padding == "same":  # the odd one comes after
        x = F.pad(x, ((kw - 1) // 2, kw // 2, (kh - 1) // 2, kh // 2, (kd - 1) // 2, kd // 2))
    elif (NAMED_PADDING and padding != "valid") or not NAMED_PADDING:
        pd, ph, pw = padding
        x = F.pad(x, (pw, pw, ph, ph, pd, pd))
    if DILATED:
        x = x.unfold(2, depth, sd).unfold(3, rows, sh).unfold(4, columns, sw)[..., ::dd, ::dh, ::dw]
    else:
        x = x.unfold(2, kd, sd).unfold(3, kh, sh).unfold(4, kw, sw)
    if GROUPED and PRODUCT:
        x = rearrange(
            x,
            "b (g c_in) d_out h_out w_out kd kh kw -> b g 1 c_in d_out h_out w_out kd kh kw",
            g=groups,
        )
        w = rearrange(weight, "(g c_out) c_in kd kh kw -> g c_out c_in 1 1 1 kd kh kw", g=groups)
        x = (x * w).sum(dim=(3, 7, 8, 9))  # over c_in, kd, kh, kw
        x = rearrange(x, "b g c_out d_out h_out w_out -> b (g c_out) d_out h_out w_out")
    elif GROUPED:
        x = rearrange(
            x,
            "b (g c_in) d_out h_out w_out kd kh kw -> b g c_in d_out h_out w_out kd kh kw",
            g=groups,
        )
        w = rearrange(weight, "(g c_out) c_in kd kh kw -> g c_out c_in kd kh kw", g=groups)
        x = einsum(
            w,
            x,
            "g c_out c_in kd kh kw, b g c_in d_out h_out w_out kd kh kw -> b g c_out d_out h_out w_out",
        )
        x = rearrange(x, "b g c_out d_out h_out w_out -> b (g c_out) d_out h_out w_out")
    elif PRODUCT:
        x = rearrange(x, "b c_in d_out h_out w_out kd kh kw -> b 1 c_in d_out h_out w_out kd kh kw")
        w = rearrange(weight, "c_out c_in kd kh kw -> c_out c_in 1 1 1 kd kh kw")
        x = (x * w).sum(dim=(2, 6, 7, 8))  # over c_in, kd, kh, kw
    else:
        x = einsum(
            weight,
            x,
            "c_out c_in kd kh kw, b c_in d_out h_out w_out kd kh kw -> b c_out d_out h_out w_out",
        )
    return x if bias is None else x + rearrange(bias, "c_out -> c_out 1 1 1")
