"""Which objects were made since a moment, told by Python's garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def births() -> Iterator[Callable[[object], bool]]:
    """Inside, the function tells whether a tensor (or another tracked object) was made since.

    What exists is frozen, which costs nothing however much there is; a set of ids would cost a
    walk over all of it, and an id may be given away again.

    >>> before = []
    >>> with births() as is_new:
    ...     after = []
    ...     (is_new(before), is_new(after))
    (False, True)
    """
    frozen = gc.get_freeze_count()
    gc.freeze()
    try:
        yield lambda value: any(held is value for held in gc.get_objects())
    finally:
        gc.unfreeze()
        if frozen:  # by the program around us, for its own reasons
            gc.freeze()
