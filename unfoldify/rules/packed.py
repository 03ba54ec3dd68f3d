"""Packed sequences: at each step the rows of the sequences that are long enough, the longest first."""

from __future__ import annotations

import torch
from torch import Tensor

from unfoldify.notes import backwards, counts, named, remark
from unfoldify.rules.cells import State, Step, Weights, turned
from unfoldify.rules.rule import Decline, Style


def rows_of_steps(x: Tensor, batch_sizes: Tensor, batch: int) -> list[int]:
    """How many rows each step has. Who reads along without data is told of steps of all sequences,
    two at the least, so that they are a loop.
    """
    full, rest = divmod(int(x.shape[0]), int(batch))
    sizes = counts(batch_sizes, [int(batch)] * full + [rest])
    if sizes is None:
        raise Decline(
            "a packed sequence: how many sequences each step has is data, so the steps cannot be "
            "written out; a padded batch and a mask can"
        )
    remark(sizes, "how many sequences have each step")
    return sizes


def packed_direction(
    step: Step,
    x: Tensor,
    sizes: list[int],
    state: State,
    weights: Weights,
    style: Style,
    back: bool = False,
) -> tuple[Tensor, State]:
    """A step for each moment, of the sequences that have it; the others keep their state."""
    w = turned(weights, style)
    rows = backwards(sizes) if back else sizes
    parts = backwards(torch.split(x, sizes)) if back else torch.split(x, sizes)
    steps = []
    for size, part in zip(rows, parts, strict=True):
        b, x_t = named("b", size), named("x_t", part)
        here = tuple(named(f"{name}_t", old[:b]) for name, old in zip("hc", state, strict=False))
        new = step(x_t, here, w, style)
        steps.append(new[0])
        state = tuple(whole(*each, b) for each in zip("hc", new, state, strict=False))
        remark(state[0], "the others have not begun" if back else "the others have ended")
    if back:
        steps.reverse()
    x = torch.cat(steps)
    return x, state


def whole(name: str, new: Tensor, old: Tensor, b: int) -> Tensor:
    """The new state of the sequences that have the step, and what it was of the others."""
    return named(name, torch.cat((named(f"{name}_t", new), old[b:])))
