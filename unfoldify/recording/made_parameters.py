"""`nn.Parameter(x)` inside a forward, and layers made there: what they hold are values of the run.

A parameter is an object of its own with the numbers of another tensor, and no mode of torch sees
one made. A layer that a forward makes for itself is its parameters and how they are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from unfoldify.recording.numbers.traced import ACTIVE, plain


@contextmanager
def seen_parameters() -> Iterator[None]:
    """Meanwhile `nn.Parameter(...)` is a call of the recording."""
    own = vars(nn.Parameter)["__new__"]
    construct: Any = nn.Parameter.__new__

    def new(cls: Any, data: Any = None, requires_grad: Any = True) -> Any:
        recorder: Any = ACTIVE.get()
        if cls is not nn.Parameter or recorder is None or not recorder.sees(data):
            return construct(cls, data, plain(requires_grad))
        return recorder.parameter(construct, data, plain(requires_grad))

    nn.Parameter.__new__ = staticmethod(new)  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Parameter.__new__ = own  # type: ignore[method-assign]
