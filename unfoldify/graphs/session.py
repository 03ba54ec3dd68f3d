"""The surroundings in which layers are run to be recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from unfoldify.graphs.keep import kept
from unfoldify.graphs.recorder import GraphRecorder
from unfoldify.recording.causal_masks import masks_as_told
from unfoldify.rules import recurrent


@contextmanager
def session(recorder: GraphRecorder, module: nn.Module) -> Iterator[None]:
    """Everything that runs inside comes by the recorder; the module comes back as it was."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            kept(module),
            torch.enable_grad(),
            replaced(nn.Module, "__call__", by_recorder(recorder)),
            replaced(recurrent, "_direction", recorder.direction),
            masks_as_told(),
            recorder.running(),
        ):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def by_recorder(recorder: GraphRecorder) -> Callable[..., Any]:
    def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return recorder.call_module(module, args, kwargs)

    return call


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)
