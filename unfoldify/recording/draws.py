"""What Python's and numpy's generators draw while a model runs.

No torch call makes these numbers, so a recording has them as they fell. Where others would lead
elsewhere (`if random.random() < 0.5:`, a mask of `np.random.permutation`), no file can say it.
"""

from __future__ import annotations

import linecache
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from torch import Tensor

from unfoldify.errors import CaptureError
from unfoldify.recording.align import align
from unfoldify.recording.capture import Recording
from unfoldify.recording.machinery import is_machinery
from unfoldify.recording.values import same_numbers

Observe = Callable[[int], Recording]  # a run after a seed


def streams() -> tuple[Any, ...]:
    """Where the generators of Python and numpy are."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return (random.getstate(),)
    kind, keys, *place = numpy.random.get_state()
    return random.getstate(), kind, keys.tobytes(), *place


def check_draws(recording: Recording, observe: Observe, call: Callable[[], Any]) -> None:
    """Raises where a model that drew numbers does something else when others are drawn."""
    for seed in (1, 2, 3):
        with suppress(Exception):  # it does not run with these, or draws what cannot be recorded
            if alike(recording, observe(seed)):
                continue
        line = drawing_line(call)
        raise CaptureError(
            f"{line or type(recording.model).__name__}\n  numbers are drawn here by Python or numpy, "
            "and with others the model does something else: a file can say only one way.\nDraw with "
            "torch and choose without `if` (a mask of torch.rand, an index of torch.randperm), or "
            "unfoldify the model with this switched off."
        )


def alike(one: Recording, two: Recording) -> bool:
    """Whether two runs made the same calls, with the same numbers and constants."""
    differences = align(one.root, two.root, lambda place, ours, theirs: None)
    if next(differences, None) is not None or one.constants.keys() != two.constants.keys():
        return False
    pairs = ((one.constants[name], two.constants[name]) for name in one.constants)
    return all(
        same_numbers(a, b) for a, b in pairs if isinstance(a, Tensor) and isinstance(b, Tensor)
    )


def drawing_line(call: Callable[[], Any]) -> str:
    """The first line of the user's that moves a generator, as `model.py:12: `...``."""
    found: list[tuple[str, int]] = []
    last: list[Any] = [None, streams()]

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if found or is_machinery(name) or is_library(name):
            return None
        now = streams()
        if now != last[1] and last[0] is not None:
            found.append(last[0])
        last[:] = (name, frame.f_lineno), now
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with suppress(Exception):
            call()
    finally:
        sys.settrace(before)
    if not found and last[0] is not None and streams() != last[1]:
        found.append(last[0])
    return "".join(shown(*place) for place in found[:1])


def is_library(filename: str) -> bool:
    return filename == random.__file__ or "/numpy/" in filename


def shown(filename: str, line: int) -> str:
    words = linecache.getline(filename, line).strip()
    return f"{filename.rsplit('/', 1)[-1]}:{line}: `{words}`"
