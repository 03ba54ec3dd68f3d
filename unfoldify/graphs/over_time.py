"""The loop over time of one recurrent layer in one direction, as one call: a graph has no loops.

Written for TorchScript too, with torch's own calls only; `dim` is the axis of time in `x`.
"""

import torch
from torch import Tensor


def lstm_over_time(
    x: Tensor,
    h: Tensor,
    c: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    w_hr: Tensor | None,
    dim: int,
    style: str,
) -> tuple[Tensor, Tensor, Tensor]:
    """`b n i`, `b o` and `b o` → `b n o` and the last `b o` and `b o`; `n` is the axis `dim`"""
    steps: list[Tensor] = []
    for x_t in x.unbind(dim):
        gates = projected(x_t, w_ih, b_ih, style) + projected(h, w_hh, None, style)
        if b_hh is not None:
            gates = gates + b_hh
        i, f, g, o = gates.chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        if w_hr is not None:
            h = projected(h, w_hr, None, style)
        steps.append(h)
    return torch.stack(steps, dim), h, c


def gru_over_time(
    x: Tensor,
    h: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    dim: int,
    style: str,
) -> tuple[Tensor, Tensor]:
    """`b n i`, `b o` → `b n o` and the last `b o`; `n` is the axis `dim`"""
    steps: list[Tensor] = []
    for x_t in x.unbind(dim):
        r_x, z_x, n_x = projected(x_t, w_ih, b_ih, style).chunk(3, dim=1)
        r_h, z_h, n_h = projected(h, w_hh, b_hh, style).chunk(3, dim=1)
        r = (r_x + r_h).sigmoid()
        z = (z_x + z_h).sigmoid()
        n = (n_x + r * n_h).tanh()
        h = (1 - z) * n + z * h
        steps.append(h)
    return torch.stack(steps, dim), h


def rnn_over_time(
    x: Tensor,
    h: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    relu: bool,
    dim: int,
    style: str,
) -> tuple[Tensor, Tensor]:
    """`b n i`, `b o` → `b n o` and the last `b o`; `n` is the axis `dim`"""
    steps: list[Tensor] = []
    for x_t in x.unbind(dim):
        total = projected(x_t, w_ih, b_ih, style) + projected(h, w_hh, b_hh, style)
        h = total.relu() if relu else total.tanh()
        steps.append(h)
    return torch.stack(steps, dim), h


def projected(x: Tensor, w: Tensor, bias: Tensor | None, style: str) -> Tensor:
    """`b i, o i -> b o`"""
    if style == "einsum":
        x = torch.einsum("bi,oi->bo", x, w)
    else:
        x = (x.unsqueeze(1) * w).sum(-1)
    return x if bias is None else x + bias
