"""`sys.exit()` in a forward, left there for its author: it ends the call, and not the tool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def exits_seen() -> Iterator[None]:
    """A program that a model would end inside has an error that is one, at the model's line."""
    try:
        yield
    except SystemExit as end:
        error = RuntimeError(f"the model ends the program: sys.exit({end.code!r})")
        raise error.with_traceback(end.__traceback__) from None
