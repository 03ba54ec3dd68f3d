"""Packed sequences: at each moment the sequences that are long enough, the longest first."""

from __future__ import annotations

import torch
from torch import Tensor

from unfoldify import notes
from unfoldify.rules.cells import State, Step, Weights, turned
from unfoldify.rules.rule import Decline, Style


def packed_layer(
    step: Step,
    data: Tensor,
    batch_sizes: Tensor,
    states: list[State],
    weights: list[Weights],
    style: Style,
) -> tuple[Tensor, list[State]]:
    """One layer over `data`, in which the steps of all sequences follow each other."""
    if batch_sizes.is_meta or notes.listener.get() is not None:
        raise Decline(
            "a packed sequence: how many sequences each step has is data, so the steps cannot be "
            "written out; a padded batch and a mask can"
        )
    sizes = batch_sizes.tolist()
    forward, end = _forward(step, data, sizes, states[0], turned(weights[0], style), style)
    if len(weights) == 1:
        return forward, [end]
    backward, start = _backward(step, data, sizes, states[1], turned(weights[1], style), style)
    return torch.cat((forward, backward), dim=1), [end, start]


def _forward(
    step: Step, data: Tensor, sizes: list[int], state: State, w: Weights, style: Style
) -> tuple[Tensor, State]:
    steps, ended = [], []
    for x_t in torch.split(data, sizes):
        here = len(x_t)
        ended.append(tuple(part[here:] for part in state))
        state = step(x_t, tuple(part[:here] for part in state), w, style)
        steps.append(state[0])
    ended.append(state)
    last = tuple(torch.cat(parts) for parts in zip(*reversed(ended), strict=True))
    return torch.cat(steps), last


def _backward(
    step: Step, data: Tensor, sizes: list[int], first: State, w: Weights, style: Style
) -> tuple[Tensor, State]:
    steps: list[Tensor] = []
    state = tuple(part[:0] for part in first)
    for x_t in reversed(torch.split(data, sizes)):
        begun, here = len(state[0]), len(x_t)
        state = tuple(torch.cat((s, f[begun:here])) for s, f in zip(state, first, strict=True))
        state = step(x_t, state, w, style)
        steps.append(state[0])
    return torch.cat(steps[::-1]), state
