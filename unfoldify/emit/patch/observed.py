"""A model and its example → every call that it makes, those included whose results nobody uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from unfoldify.merge import walk_bodies
from unfoldify.preserve import preserved, seed_everything, silenced
from unfoldify.recording.body import Body
from unfoldify.recording.capture import capture
from unfoldify.recording.lazy import copies


def observed(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    modes: Sequence[bool],
    wanted: Callable[[str, str], bool],
) -> Iterator[Body]:
    """One graph for each module call, as recorded: nothing dissolved, nothing left out."""
    for training in modes:
        with preserved(model), silenced(), torch.enable_grad():
            seed_everything(0)
            model.train(training)
            given, named = copies((tuple(args), dict(kwargs)))
            root = capture(model, given, named, wanted).root
        yield from walk_bodies(root)
