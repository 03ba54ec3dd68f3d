"""`self.net.to(x.device)` inside a forward: where it moves nothing, the file does not say it.

torch moves a module parameter by parameter, each by two calls that would be lines of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from unfoldify.recording.numbers.traced import ACTIVE, plain


@contextmanager
def seen_moves() -> Iterator[None]:
    """Meanwhile a module that is where it is sent, and of the type that is asked for, stays."""
    move: Any = nn.Module.to

    def to(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        recorder: Any = ACTIVE.get()
        if recorder is None or not recorder.is_recording():
            return move(module, *args, **kwargs)
        target = parsed(args, kwargs)
        as_another = any(isinstance(value, Tensor) for value in (*args, *kwargs.values()))
        if (
            target is None
            or not recorder.may_stay(module, target[1], as_another)
            or changes(module, *target)
        ):
            return move(module, *args, **kwargs)
        return module

    nn.Module.to = to  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        nn.Module.to = move  # type: ignore[method-assign]


def parsed(args: Any, kwargs: Any) -> tuple[torch.device | None, torch.dtype | None] | None:
    """The device and the type that `to` is asked for; None where it is asked for more."""
    with torch._C.DisableTorchFunction():
        given = [plain(arg) for arg in args], {key: plain(value) for key, value in kwargs.items()}
        try:
            device, dtype, _, layout = torch._C._nn._parse_to(*given[0], **given[1])
        except (TypeError, RuntimeError):
            return None
    return None if layout is not None else (device, dtype)


def changes(module: nn.Module, device: torch.device | None, dtype: torch.dtype | None) -> bool:
    """Whether any tensor of a module is elsewhere or, if it is no whole numbers, of another type."""
    return any(
        is_changed(tensor, device, dtype) for tensor in (*module.parameters(), *module.buffers())
    )


def is_changed(tensor: Tensor, device: torch.device | None, dtype: torch.dtype | None) -> bool:
    with torch._C.DisableTorchFunction():
        is_there = device is None or tensor.device == device
        converts = dtype is not None and (tensor.is_floating_point() or tensor.is_complex())
        return not is_there or (converts and tensor.dtype != dtype)
