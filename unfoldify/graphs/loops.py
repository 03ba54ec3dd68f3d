"""Which call of `over_time` is the loop of a recurrent layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unfoldify.graphs.over_time import gru_over_time, lstm_over_time, rnn_over_time
from unfoldify.rules.cells import (
    State,
    Step,
    Weights,
    gru_step,
    lstm_step,
    rnn_relu_step,
    rnn_tanh_step,
)

Over = Callable[..., Any]


@dataclass(frozen=True)
class Loop:
    """One layer in one direction: the function that runs its loop, and what it is given."""

    function: Over
    x: Tensor
    state: State
    weights: Weights
    args: tuple[Any, ...]

    def result(self) -> tuple[Tensor, ...]:
        """Tensors shaped like the steps and the last state."""
        shape = (*self.x.shape[:2], self.state[0].shape[-1])
        return self.x.new_empty(shape), *(part.new_empty(part.shape) for part in self.state)

    @property
    def step_bytes(self) -> int:
        """The size of the largest product of one step."""
        with torch._C.DisableTorchFunction():
            batch = self.state[0].shape[0]
            largest = max(math.prod(w.shape) for w in (self.weights.ih, self.weights.hh))
            return int(batch * largest * self.x.dtype.itemsize)


def loop(step: Step, x: Tensor, state: State, w: Weights, dim: int, style: str) -> Loop:
    """The call in place of the rule's own loop over time."""
    weights = (w.ih, w.hh, w.b_ih, w.b_hh)
    ends: dict[Any, tuple[Over, tuple[Any, ...]]] = {
        lstm_step: (lstm_over_time, (w.hr,)),
        gru_step: (gru_over_time, ()),
        rnn_tanh_step: (rnn_over_time, (False,)),
        rnn_relu_step: (rnn_over_time, (True,)),
    }
    function, rest = ends[step]
    return Loop(function, x, state, w, (x, *state, *weights, *rest, dim, style))
