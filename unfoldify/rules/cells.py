# ruff: noqa: A002  (torch calls it `input`)
"""One step of a recurrent layer: the gates' products, then the new state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from einops import einsum, rearrange
from torch import Tensor

from unfoldify.notes import remark
from unfoldify.rules.checks import check, check_dtypes, check_rank, check_size, shape_of, spelled
from unfoldify.rules.rule import Style, check_style


class Weights(NamedTuple):
    """Of one layer in one direction; in the product style `ih`, `hh` and `hr` are turned: `i o`."""

    ih: Tensor
    hh: Tensor
    b_ih: Tensor | None
    b_hh: Tensor | None
    hr: Tensor | None = None


State = tuple[Tensor, ...]
Step = Callable[[Tensor, State, Weights, Style], State]


def turned(weights: Weights, style: Style) -> Weights:
    """The weights as the steps need them, turned once for all steps."""
    if style == "einsum":
        return weights
    w_ih = rearrange(weights.ih, "o i -> i o")
    w_hh = rearrange(weights.hh, "o i -> i o")
    if weights.hr is None:
        return Weights(w_ih, w_hh, weights.b_ih, weights.b_hh)
    w_hr = rearrange(weights.hr, "o i -> i o")
    return Weights(w_ih, w_hh, weights.b_ih, weights.b_hh, w_hr)


def projected(x: Tensor, w: Tensor, style: Style) -> Tensor:
    """`b i, i o -> b o`"""
    if style == "einsum":
        return einsum(x, w, "b i, o i -> b o")
    return (rearrange(x, "b i -> b i 1") * w).sum(dim=-2)


def over_i(x: Tensor, style: Style) -> None:
    """Says on the line of `x` what its sum is over; an einsum says it itself."""
    if style == "product":
        remark(x, "over i")


def biased(x: Tensor, w: Weights) -> Tensor:
    """`x` and both biases, where there are any."""
    if w.b_ih is None or w.b_hh is None:
        return x
    return x + w.b_ih + w.b_hh


def lstm_step(x_t: Tensor, state: State, w: Weights, style: Style) -> State:
    """`b i`, `b o` and `b o` → the next `b o` and `b o`"""
    h, c = state
    gates = _summed(x_t, h, w, style)
    i, f, g, o = gates.chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    if w.hr is not None:
        h = projected(h, w.hr, style)
        over_i(h, style)
    return h, c


def gru_step(x_t: Tensor, state: State, w: Weights, style: Style) -> State:
    """`b i`, `b o` → the next `b o`"""
    (h,) = state
    from_x = projected(x_t, w.ih, style)
    over_i(from_x, style)
    from_h = projected(h, w.hh, style)
    over_i(from_h, style)
    if w.b_ih is not None and w.b_hh is not None:
        from_x = from_x + w.b_ih
        from_h = from_h + w.b_hh
    r_x, z_x, n_x = from_x.chunk(3, dim=1)
    r_h, z_h, n_h = from_h.chunk(3, dim=1)
    r = (r_x + r_h).sigmoid()
    z = (z_x + z_h).sigmoid()
    n = (n_x + r * n_h).tanh()
    h = (1 - z) * n + z * h
    return (h,)


def rnn_tanh_step(x_t: Tensor, state: State, w: Weights, style: Style) -> State:
    """`b i`, `b o` → the next `b o`"""
    h = _summed(x_t, state[0], w, style).tanh()
    return (h,)


def rnn_relu_step(x_t: Tensor, state: State, w: Weights, style: Style) -> State:
    """`b i`, `b o` → the next `b o`"""
    h = _summed(x_t, state[0], w, style).relu()
    return (h,)


def _summed(x_t: Tensor, h: Tensor, w: Weights, style: Style) -> Tensor:
    """What a step makes of its input and of its state: `b o`"""
    gates = projected(x_t, w.ih, style)
    over_i(gates, style)
    gates = gates + projected(h, w.hh, style)
    over_i(gates, style)
    gates = biased(gates, w)
    return gates


def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    *,
    style: Style = "product",
) -> tuple[Tensor, Tensor]:
    """`b i`, `b o` and `b o` → the next `b o` and `b o`"""
    check(len(hx) == 2, "lstm_cell", f"hx should be two states, it is {len(hx)}")
    h, c = _stepped("lstm_cell", lstm_step, input, (hx[0], hx[1]), (w_ih, w_hh, b_ih, b_hh), style)
    return h, c


def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """`b i`, `b o` → the next `b o`"""
    return _stepped("gru_cell", gru_step, input, (hx,), (w_ih, w_hh, b_ih, b_hh), style)[0]


def rnn_tanh_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """`b i`, `b o` → the next `b o`"""
    return _stepped("rnn_tanh_cell", rnn_tanh_step, input, (hx,), (w_ih, w_hh, b_ih, b_hh), style)[
        0
    ]


def rnn_relu_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    *,
    style: Style = "product",
) -> Tensor:
    """`b i`, `b o` → the next `b o`"""
    return _stepped("rnn_relu_cell", rnn_relu_step, input, (hx,), (w_ih, w_hh, b_ih, b_hh), style)[
        0
    ]


def _stepped(
    function: str,
    step: Step,
    x: Tensor,
    state: State,
    weights: tuple[Tensor, Tensor, Tensor | None, Tensor | None],
    style: Style,
) -> State:
    check_style(style)
    check_rank(function, "input", x, 2)
    check_step(function, x, state, Weights(*weights))
    return step(x, state, turned(Weights(*weights), style), style)


def check_step(function: str, x: Tensor, state: State, w: Weights) -> None:
    """Raises where an input `... i`, a state `... o` and the weights do not fit together."""
    check_dtypes(function, input=x, hx=state[0], w_ih=w.ih, w_hh=w.hh, b_ih=w.b_ih, b_hh=w.b_hh)
    check_size(function, "input", x, -1, w.ih.shape[1], "the features that w_ih takes")
    check_size(function, "hx", state[0], -1, w.hh.shape[1], "the features that w_hh takes")
    rows = shape_of(w.ih)[0], shape_of(w.hh)[0]
    check(
        rows[0] == rows[1],
        function,
        f"w_ih ({spelled(shape_of(w.ih))}) and w_hh ({spelled(shape_of(w.hh))}) should have as "
        f"many rows, they have {rows[0]} and {rows[1]}",
    )
