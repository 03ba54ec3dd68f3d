"""Dual numbers, `torch.autograd.forward_ad`: a value and its slope along a tangent.

A tangent is no part of a tensor that a file could hold. The slope is found when it is asked for,
backwards, by the values that were given tangents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from unfoldify.recording.transforms.differentiation import Differentiation
from unfoldify.recording.transforms.recording_only import while_recorded
from unfoldify.recording.transforms.words import users_word


def recorded_dual() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """The functions of forward_ad, and their stand-ins; `dual_level` calls the first two."""
    for original, instead in (
        (forward_ad.enter_dual_level, enter),
        (forward_ad.exit_dual_level, leave),
        (forward_ad.make_dual, make),
        (forward_ad.unpack_dual, unpack),
    ):
        yield original, while_recorded(original, instead)


@dataclass
class Level:
    """What has got a tangent since it was entered, and how gradients are switched on meanwhile."""

    taken: Differentiation
    switched_on: Any
    values: list[Tensor] = field(default_factory=list)
    tangents: list[Tensor] = field(default_factory=list)


def enter(recorder: Any) -> int:
    further = torch.is_grad_enabled() or not recorder.grad_mode
    level = Level(Differentiation(recorder, further), torch.enable_grad())
    level.switched_on.__enter__()
    recorder.dual_levels.append(level)
    return len(recorder.dual_levels) - 1


def leave(recorder: Any, *, level: int | None = None) -> None:
    recorder.dual_levels.pop().switched_on.__exit__(None, None, None)


def make(recorder: Any, tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    if not recorder.dual_levels:
        raise RuntimeError("make_dual: no level exists, enter one by `with dual_level():`")
    here: Level = recorder.dual_levels[-1]
    here.values.append(here.taken.place(tensor, users_word(recorder) or "dual"))
    here.tangents.append(tangent)
    return here.values[-1]


def unpack(recorder: Any, tensor: Tensor, *, level: int | None = None) -> Any:
    here: Level | None = recorder.dual_levels[-1] if recorder.dual_levels else None
    if here is None or not any(here.taken.reached([tensor], here.values)):
        return forward_ad.UnpackedDualTensor(tensor, None)
    here.taken.named_outputs([tensor])
    (slope,) = here.taken.slopes_along([tensor], here.values, here.tangents)
    return forward_ad.UnpackedDualTensor(tensor, slope)
