# mypy: ignore-errors
# ruff: noqa: B905  (stands in a user's file as it is)
"""Recurrent layers and their cells: a loop over time, the products of each step spelled out."""

import torch
import torch.nn.functional as F
from einops import rearrange

from .products import linear
from .switches import PACKED, PROJECTED, UNBATCHED


def lstm_step(x, state, w_ih, w_hh, b_ih=None, b_hh=None):
    """`b i`, `b o` and `b o` -> the next `b o` and `b o`"""
    h, c = state
    gates = linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh)
    i, f, g, o = gates.chunk(4, dim=-1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_step(x, state, w_ih, w_hh, b_ih=None, b_hh=None):
    """`b i` and `b o` -> the next `b o`"""
    (h,) = state
    r_x, z_x, n_x = linear(x, w_ih, b_ih).chunk(3, dim=-1)
    r_h, z_h, n_h = linear(h, w_hh, b_hh).chunk(3, dim=-1)
    r = (r_x + r_h).sigmoid()
    z = (z_x + z_h).sigmoid()
    n = (n_x + r * n_h).tanh()
    return ((1 - z) * n + z * h,)


def tanh_step(x, state, w_ih, w_hh, b_ih=None, b_hh=None):
    """`b i` and `b o` -> the next `b o`"""
    (h,) = state
    return ((linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh)).tanh(),)


def relu_step(x, state, w_ih, w_hh, b_ih=None, b_hh=None):
    """`b i` and `b o` -> the next `b o`"""
    (h,) = state
    return ((linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh)).relu(),)


def run_layers(layer, step, x, state):
    """`n b i`, and states `layers b o` -> `n b o`, and the last states"""
    last = []
    suffixes = ("", "_reverse") if layer.bidirectional else ("",)
    for number in range(layer.num_layers):
        if number > 0:
            x = F.dropout(x, layer.dropout, layer.training)
        directions = []
        for suffix in suffixes:
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if layer.bias else 2]
            weights = [getattr(layer, f"{name}_l{number}{suffix}") for name in names]
            now = tuple(part[len(last)] for part in state)
            steps = []
            for x_t in x.flip(0) if suffix else x:
                now = step(x_t, now, *weights)
                if PROJECTED and getattr(layer, "proj_size", 0):
                    h, c = now
                    now = linear(h, getattr(layer, f"weight_hr_l{number}{suffix}")), c
                steps.append(now[0])
            steps = torch.stack(steps)
            directions.append(steps.flip(0) if suffix else steps)
            last.append(now)
        x = torch.cat(directions, dim=-1)
    return x, tuple(torch.stack(parts) for parts in zip(*last))


def run_packed_layers(layer, step, x, batch_sizes, state, sizes):
    """`rows i`, and states `layers b o` -> `rows o`, and the last states

    Each step has the rows of the sequences that are long enough, the longest first.
    """
    rows, last = batch_sizes.tolist(), []
    suffixes = ("", "_reverse") if layer.bidirectional else ("",)
    if state is None:
        count = layer.num_layers * len(suffixes)
        state = tuple(x.new_zeros(count, rows[0], size) for size in sizes)
    for number in range(layer.num_layers):
        if number > 0:
            x = F.dropout(x, layer.dropout, layer.training)
        directions = []
        for suffix in suffixes:
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if layer.bias else 2]
            weights = [getattr(layer, f"{name}_l{number}{suffix}") for name in names]
            now = tuple(part[len(last)] for part in state)
            steps = []
            for x_t in reversed(torch.split(x, rows)) if suffix else torch.split(x, rows):
                b = len(x_t)  # the others have ended, or have not begun
                new = step(x_t, tuple(part[:b] for part in now), *weights)
                if PROJECTED and getattr(layer, "proj_size", 0):
                    h, c = new
                    new = linear(h, getattr(layer, f"weight_hr_l{number}{suffix}")), c
                steps.append(new[0])
                now = tuple(torch.cat((part, old[b:])) for part, old in zip(new, now))
            directions.append(torch.cat(steps[::-1] if suffix else steps))
            last.append(now)
        x = torch.cat(directions, dim=-1)
    return x, tuple(torch.stack(parts) for parts in zip(*last))


def over_packed_sequence(layer, step, packed, state, sizes):
    """All layers over a PackedSequence, in which the longest sequence is the first"""
    if state is not None and packed.sorted_indices is not None:
        state = tuple(part.index_select(1, packed.sorted_indices) for part in state)
    x, state = run_packed_layers(layer, step, packed.data, packed.batch_sizes, state, sizes)
    if packed.unsorted_indices is not None:
        state = tuple(part.index_select(1, packed.unsorted_indices) for part in state)
    return packed._replace(data=x), state


def recurrent(layer, step, x, state, sizes):
    """All layers of nn.RNN, nn.GRU or nn.LSTM, from a given state or from zeros of the sizes"""
    if PACKED and isinstance(x, torch.nn.utils.rnn.PackedSequence):
        return over_packed_sequence(layer, step, x, state, sizes)
    if UNBATCHED and x.dim() == 2:
        state = None if state is None else tuple(part.unsqueeze(1) for part in state)
        x, state = recurrent(layer, step, x.unsqueeze(0 if layer.batch_first else 1), state, sizes)
        return x.squeeze(0 if layer.batch_first else 1), tuple(part.squeeze(1) for part in state)
    if layer.batch_first:
        x = rearrange(x, "b n i -> n b i")
    if state is None:
        count = layer.num_layers * (2 if layer.bidirectional else 1)
        state = tuple(x.new_zeros(count, x.shape[1], size) for size in sizes)
    x, state = run_layers(layer, step, x, state)
    if layer.batch_first:
        x = rearrange(x, "n b o -> b n o")
    return x, state


def lstm(layer, x, hx=None):
    """What nn.LSTM computes: `b n i -> b n o`, and the last states `layers b o`"""
    return recurrent(
        layer, lstm_step, x, hx, (layer.proj_size or layer.hidden_size, layer.hidden_size)
    )


def gru(layer, x, hx=None):
    """What nn.GRU computes: `b n i -> b n o`, and the last state `layers b o`"""
    x, (h,) = recurrent(layer, gru_step, x, None if hx is None else (hx,), (layer.hidden_size,))
    return x, h


def rnn(layer, x, hx=None):
    """What nn.RNN computes: `b n i -> b n o`, and the last state `layers b o`"""
    step = tanh_step if layer.mode == "RNN_TANH" else relu_step
    x, (h,) = recurrent(layer, step, x, None if hx is None else (hx,), (layer.hidden_size,))
    return x, h


def packed_lstm(layer, x, batch_sizes, hx=None):
    """What nn.LSTM computes of packed rows: `rows i -> rows o`, and the last states `layers b o`"""
    sizes = (layer.proj_size or layer.hidden_size, layer.hidden_size)
    return run_packed_layers(layer, lstm_step, x, batch_sizes, hx, sizes)


def packed_gru(layer, x, batch_sizes, hx=None):
    """What nn.GRU computes of packed rows: `rows i -> rows o`, and the last state `layers b o`"""
    state = None if hx is None else (hx,)
    x, (h,) = run_packed_layers(layer, gru_step, x, batch_sizes, state, (layer.hidden_size,))
    return x, h


def packed_rnn(layer, x, batch_sizes, hx=None):
    """What nn.RNN computes of packed rows: `rows i -> rows o`, and the last state `layers b o`"""
    step = tanh_step if layer.mode == "RNN_TANH" else relu_step
    state = None if hx is None else (hx,)
    x, (h,) = run_packed_layers(layer, step, x, batch_sizes, state, (layer.hidden_size,))
    return x, h


def cell_weights(layer):
    """The weights of a cell, its biases where it has them"""
    return (layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh)


def lstm_cell(layer, x, hx=None):
    """What nn.LSTMCell computes: `b i`, `b o` and `b o` -> the next `b o` and `b o`"""
    zeros = x.new_zeros(*x.shape[:-1], layer.hidden_size)
    return lstm_step(x, (zeros, zeros) if hx is None else hx, *cell_weights(layer))


def gru_cell(layer, x, hx=None):
    """What nn.GRUCell computes: `b i` and `b o` -> the next `b o`"""
    hx = x.new_zeros(*x.shape[:-1], layer.hidden_size) if hx is None else hx
    return gru_step(x, (hx,), *cell_weights(layer))[0]


def rnn_cell(layer, x, hx=None):
    """What nn.RNNCell computes: `b i` and `b o` -> the next `b o`"""
    hx = x.new_zeros(*x.shape[:-1], layer.hidden_size) if hx is None else hx
    step = tanh_step if layer.nonlinearity == "tanh" else relu_step
    return step(x, (hx,), *cell_weights(layer))[0]
