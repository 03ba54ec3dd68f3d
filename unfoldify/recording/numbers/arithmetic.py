"""`math.sqrt(n)` of a size stays that: functions of numbers, recorded where a size goes in."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from typing import Any

from unfoldify.recording.numbers.traced import ACTIVE, Traced, plain

_FUNCTIONS = (
    *("sqrt", "exp", "log", "log2", "log10", "log1p", "expm1", "pow"),
    *("sin", "cos", "tan", "tanh", "atan", "fabs", "fmod", "isqrt", "gcd"),
)
_OF_NUMPY = ("sqrt", "exp", "log", "log2")  # where they are given a plain number, as math's are


def recorded_mathematics() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """The functions of math, and those of numpy that do the same, each with its stand-in."""
    for name in _FUNCTIONS:
        function = getattr(math, name)
        yield function, _recorded(function, function)
    numpy = sys.modules.get("numpy")
    for name in _OF_NUMPY if numpy is not None else ():
        yield getattr(numpy, name), _recorded(getattr(numpy, name), getattr(math, name))


def _recorded(function: Any, spelled: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        recorder: Any = ACTIVE.get()
        if recorder is None or kwargs or not any(isinstance(arg, Traced) for arg in args):
            return function(*args, **kwargs)
        return recorder.number(spelled, args, spelled(*map(plain, args)))

    call.__name__ = function.__name__
    call.__wrapped__ = function  # type: ignore[attr-defined]
    return call
