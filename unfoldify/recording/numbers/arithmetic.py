"""`math.sqrt(n)` of a size stays that: functions of numbers, recorded where a size goes in."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any

from unfoldify.recording.numbers.traced import ACTIVE, Traced, plain

_FUNCTIONS = (
    *("sqrt", "exp", "log", "log2", "log10", "log1p", "expm1", "pow"),
    *("sin", "cos", "tan", "tanh", "atan", "fabs", "fmod", "isqrt", "gcd"),
)
_OF_NUMPY: dict[str, Callable[..., Any]] = {  # where they are given plain numbers, as Python's are
    **{name: getattr(math, name) for name in ("sqrt", "exp", "log", "log2", "ceil", "floor")},
    "mod": operator.mod,
    "floor_divide": operator.floordiv,
}


def recorded_mathematics() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """The functions of math, and those of numpy that do the same as Python's, each with its stand-in."""
    for name in _FUNCTIONS:
        function = getattr(math, name)
        yield function, _recorded(function, function)
    numpy = sys.modules.get("numpy")
    for name, spelled in _OF_NUMPY.items() if numpy is not None else ():
        yield getattr(numpy, name), _recorded(getattr(numpy, name), spelled)


def _recorded(function: Any, spelled: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        recorder: Any = ACTIVE.get()
        if recorder is None or kwargs or not any(isinstance(arg, Traced) for arg in args):
            return function(*args, **kwargs)
        return recorder.number(spelled, args, spelled(*map(plain, args)))

    call.__name__ = function.__name__
    call.__wrapped__ = function  # type: ignore[attr-defined]
    return call
