"""Recurrent layers: a loop over time, the products of each step spelled out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from unfoldify.notes import is_zero, named
from unfoldify.rules.cells import (
    State,
    Step,
    Weights,
    check_step,
    gru_step,
    lstm_step,
    rnn_relu_step,
    rnn_tanh_step,
    turned,
)
from unfoldify.rules.checks import check, check_rank, check_size, shape_of, spelled
from unfoldify.rules.packed import packed_direction, rows_of_steps
from unfoldify.rules.rule import Style, check_style
from unfoldify.rules.sizes import sizes


class Call(NamedTuple):
    """The arguments of torch.lstm and its like; packed sequences have `batch_sizes`."""

    x: Tensor
    batch_sizes: Tensor | None
    hx: State
    params: Sequence[Tensor]
    has_biases: bool
    num_layers: int
    dropout: float
    train: bool
    bidirectional: bool
    batch_first: bool


def lstm(*args: Any, style: Style = "product") -> tuple[Tensor, Tensor, Tensor]:
    """`n b i`, and `layers b o` twice → `n b o`, and the last states `layers b o`

    lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
    lstm(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)
    """
    x, (h_n, c_n) = _recurrent("lstm", lstm_step, args, style)
    return x, h_n, c_n


def gru(*args: Any, style: Style = "product") -> tuple[Tensor, Tensor]:
    """`n b i`, and `layers b o` → `n b o` and the last state, called as `lstm` is"""
    x, (h_n,) = _recurrent("gru", gru_step, args, style)
    return x, h_n


def rnn_tanh(*args: Any, style: Style = "product") -> tuple[Tensor, Tensor]:
    """`n b i`, and `layers b o` → `n b o` and the last state, called as `lstm` is"""
    x, (h_n,) = _recurrent("rnn_tanh", rnn_tanh_step, args, style)
    return x, h_n


def rnn_relu(*args: Any, style: Style = "product") -> tuple[Tensor, Tensor]:
    """`n b i`, and `layers b o` → `n b o` and the last state, called as `lstm` is"""
    x, (h_n,) = _recurrent("rnn_relu", rnn_relu_step, args, style)
    return x, h_n


def is_packed(args: Sequence[Any]) -> bool:
    """Which of the two ways to call it is: rows and their batch sizes, or steps of one batch."""
    return len(args) > 3 and isinstance(args[3], (list, tuple))


def read_call(args: tuple[Any, ...]) -> Call:
    packed = is_packed(args)
    x, batch_sizes, hx, params, *numbers = args if packed else (args[0], None, *args[1:])
    states = (hx,) if isinstance(hx, Tensor) else tuple(hx)
    return Call(x, batch_sizes, states, params, *numbers, *([False] if packed else []))


def _recurrent(
    function: str, step: Step, args: tuple[Any, ...], style: Style
) -> tuple[Tensor, State]:
    """All layers, one after the other; each state of a layer and direction has its own row."""
    check_style(style)
    call = read_call(args)
    layers = checked_layers(function, call, 2 if step is lstm_step else 1)
    between = call.dropout > 0 and call.num_layers > 1
    turn = call.batch_first and between  # dropout draws in the order of torch: steps first
    x, rows_of = call.x, None
    if call.batch_sizes is not None:
        rows_of = rows_of_steps(x, call.batch_sizes, call.hx[0].shape[1])
    if turn:
        x = rearrange(x, "b n i -> n b i")
    dim = 1 if call.batch_first and not turn else 0
    last: list[State] = []
    directions = 2 if call.bidirectional else 1
    for layer in range(call.num_layers):
        if layer and between:
            x = F.dropout(x, call.dropout, call.train)
        rows = range(directions * layer, directions * (layer + 1))
        words = (f"{layer or ''}", f"{layer or ''}_back")
        states = [
            _first(call, rows_of, row, word, layers[row])
            for row, word in zip(rows, words, strict=False)
        ]
        x, ends = _layer(step, x, rows_of, states, [layers[row] for row in rows], dim, style)
        last += ends
    if turn:
        x = rearrange(x, "n b o -> b n o")
    return x, tuple(_stacked([state[i] for state in last]) for i in range(len(call.hx)))


def _first(call: Call, rows_of: list[int] | None, row: int, word: str, w: Weights) -> State:
    """The state before the first step of one layer and direction, h1_back for example: `b o`"""
    if all(is_zero(x) and x.dtype == call.x.dtype for x in call.hx):
        batch = call.x.shape[0 if call.batch_first else 1] if rows_of is None else rows_of[0]
        o = sizes(w.hh)[1], sizes(w.hh if w.hr is None else w.hr)[1]
        zeros = [call.x.new_zeros(batch, size) for size in o[: len(call.hx)]]
        return tuple(named(f"{name}{word}", x) for name, x in zip("hc", zeros, strict=False))
    return tuple(named(f"{name}{word}", x[row]) for name, x in zip("hc", call.hx, strict=False))


def _stacked(states: list[Tensor]) -> Tensor:
    """`b o` of each layer and direction → `layers b o`"""
    if len(states) == 1:
        return rearrange(states[0], "b o -> 1 b o")
    return torch.stack(states)


def _layer(
    step: Step,
    x: Tensor,
    rows_of: list[int] | None,
    states: list[State],
    weights: list[Weights],
    dim: int,
    style: Style,
) -> tuple[Tensor, list[State]]:
    """One layer: forward in time, and backward where there are weights for it."""
    if rows_of is not None:
        ahead, end = packed_direction(step, x, rows_of, states[0], weights[0], style)
    else:
        ahead, end = _direction(step, x, states[0], weights[0], dim, style)
    if len(weights) == 1:
        return ahead, [end]
    ahead = named("ahead", ahead)
    if rows_of is not None:
        back, start = packed_direction(step, x, rows_of, states[1], weights[1], style, back=True)
        x = torch.cat((ahead, named("back", back)), dim=1)
        return x, [end, start]
    back, start = _direction(step, x.flip(dim), states[1], weights[1], dim, style)
    x = torch.cat((ahead, named("back", back).flip(dim)), dim=2)
    return x, [end, start]


def _direction(
    step: Step, x: Tensor, state: State, weights: Weights, dim: int, style: Style
) -> tuple[Tensor, State]:
    """A step for each moment: `n b i -> n b o`"""
    w = turned(weights, style)
    steps = []
    for x_t in x.unbind(dim):
        state = step(x_t, state, w, style)
        steps.append(state[0])
    x = torch.stack(steps, dim=dim)
    return x, state


def checked_layers(function: str, call: Call, states: int) -> list[Weights]:
    """The weights of each layer and direction, checked."""
    check_rank(function, "input", call.x, 2 if call.batch_sizes is not None else 3)
    check(len(call.hx) == states, function, f"hx should be {states} states, it is {len(call.hx)}")
    count = call.num_layers * (2 if call.bidirectional else 1)
    each = len(call.params) // max(count, 1)
    fixed = 4 if call.has_biases else 2
    check(
        len(call.params) == each * count
        and each in ((fixed, fixed + 1) if states == 2 else (fixed,)),
        function,
        f"params should be {fixed} tensors for each of {count} layers and directions, "
        f"they are {len(call.params)}",
    )
    for name, state in zip(("h", "c"), call.hx, strict=False):
        shape = shape_of(state)
        check(
            len(shape) == 3 and shape[0] == count,
            function,
            f"the initial {name} should be {count} states, one for each layer and direction, "
            f"it is {spelled(shape)}",
        )
    layers = []
    for start in range(0, len(call.params), each):
        own = list(call.params[start : start + each])
        hr = own.pop() if each > fixed else None
        b_ih, b_hh = own[2:] if call.has_biases else (None, None)
        layers.append(Weights(own[0], own[1], b_ih, b_hh, hr))
    check_step(function, call.x, (call.hx[0],), layers[0])
    if states == 2:
        o = shape_of(layers[0].hh)[0] // 4
        check_size(function, "the initial c", call.hx[1], -1, o, "the features that w_hh makes")
    if call.batch_sizes is None:
        steps, batch = shape_of(call.x)[:2][:: -1 if call.batch_first else 1]
        check(steps > 0, function, "input should have at least one step, it has none")
        found = shape_of(call.hx[0])[1]
        check(
            found == batch, function, f"hx should have a batch of {batch} as input, it has {found}"
        )
    return layers
