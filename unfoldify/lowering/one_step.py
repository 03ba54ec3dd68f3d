"""A recurrent layer whose example has a single step, and may be given more.

A rule goes over the steps that it finds. One step is no loop, and what it writes would take the
first step of a longer sequence for all of it; of two the file makes a loop, over as many as come.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, fx

from unfoldify.recording import moving
from unfoldify.rules import Rule, recurrent

OVER_TIME = (recurrent.lstm, recurrent.gru, recurrent.rnn_tanh, recurrent.rnn_relu)


@dataclass(frozen=True)
class OneStep:
    """The sequence, and its axis of time."""

    sequence: fx.Node
    axis: int

    def of_two(self) -> Tensor:
        """What a rule is to see: the same with two steps."""
        found = self.sequence.meta["val"]
        return torch.empty(self.resized(found.shape, 2), dtype=found.dtype, device="meta")

    def resized(self, shape: tuple[int, ...], steps: int) -> tuple[int, ...]:
        """The shape of the sequence, or of what the layer makes of it, with so many steps."""
        return tuple(steps if dim == self.axis else size for dim, size in enumerate(shape))


def one_step(call: fx.Node, rule: Rule) -> OneStep | None:
    """The sequence of a recurrent layer that has one step now, and others at other sizes."""
    if rule.function not in OVER_TIME or isinstance(call.args[3], (tuple, list)):  # packed
        return None
    sequence, axis = call.args[0], 1 if call.args[-1] else 0
    if not isinstance(sequence, fx.Node) or "val" not in sequence.meta:
        return None
    shape = sequence.meta["val"].shape
    if len(shape) != 3 or shape[axis] != 1 or not moving.moves(sequence, axis):
        return None
    return OneStep(sequence, axis)
