"""A stand-in that is only one while a model is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unfoldify.recording.numbers.traced import ACTIVE
from unfoldify.recording.transforms.words import named_as_unpacked


def while_recorded(original: Callable[..., Any], instead: Callable[..., Any]) -> Any:
    """`instead` is given the recorder before all else."""

    def call(*args: Any, **kwargs: Any) -> Any:
        recorder: Any = ACTIVE.get()
        if recorder is None or not recorder.is_recording():
            return original(*args, **kwargs)
        return named_as_unpacked(recorder, instead(recorder, *args, **kwargs))

    call.__name__ = original.__name__
    call.__wrapped__ = original  # type: ignore[attr-defined]
    return call
