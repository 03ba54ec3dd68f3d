"""`math.sqrt(n)` of a size stays that: functions of numbers, recorded where a size goes in.

Numpy's functions of sizes are written with Python's: `math.ceil` for a `np.ceil`, whose result is a
float all the same.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any

from unfoldify.recording.numbers.traced import ACTIVE, Traced, plain

_FUNCTIONS = (
    *("sqrt", "exp", "log", "log2", "log10", "log1p", "expm1", "pow", "prod"),
    *("sin", "cos", "tan", "tanh", "atan", "fabs", "fmod", "isqrt", "gcd"),
)
_OF_NUMPY: dict[str, Callable[..., Any]] = {
    **{name: getattr(math, name) for name in ("sqrt", "exp", "log", "log2", "log10", "prod")},
    **{name: getattr(math, name) for name in ("ceil", "floor")},
    **dict.fromkeys(("mod", "remainder"), operator.mod),
    **dict.fromkeys(("round", "rint"), round),
    **dict.fromkeys(("max", "maximum"), max),
    **dict.fromkeys(("min", "minimum"), min),
    "floor_divide": operator.floordiv,
    "power": operator.pow,
}
_FLOATS = (
    "ceil",
    "floor",
    "round",
    "rint",
)  # which numpy gives floats for, and Python whole numbers
_OF_LISTS = ("prod", "max", "min")


def recorded_mathematics() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """The functions of math, and those of numpy that do the same, each with its stand-in."""
    for name in _FUNCTIONS:
        function = getattr(math, name)
        yield function, _recorded(function, function, is_of_list=name == "prod")
    numpy = sys.modules.get("numpy")
    for name, spelled in _OF_NUMPY.items() if numpy is not None else ():
        is_of_list, is_float = name in _OF_LISTS, name in _FLOATS
        function = getattr(numpy, name)
        yield function, _recorded(function, spelled, is_of_list=is_of_list, is_float=is_float)


def _recorded(
    function: Any, spelled: Callable[..., Any], *, is_of_list: bool = False, is_float: bool = False
) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        recorder: Any = ACTIVE.get()
        if recorder is None or kwargs or not _are_numbers(args, is_of_list):
            return function(*args, **kwargs)
        given = (tuple(args[0]),) if is_of_list else args
        number = recorder.number(spelled, given, spelled(*plain(given)))
        is_whole = is_float and isinstance(number, int)
        return recorder.number(float, (number,), float(plain(number))) if is_whole else number

    call.__name__ = function.__name__
    call.__wrapped__ = function  # type: ignore[attr-defined]
    return call


def _are_numbers(args: tuple[Any, ...], is_of_list: bool) -> bool:
    """Whether a function is given numbers alone, of which one remembers where it is from."""
    if is_of_list:
        is_list = len(args) == 1 and isinstance(args[0], (tuple, list)) and len(args[0]) > 1
        args = tuple(args[0]) if is_list else ()
    has_traced = any(isinstance(arg, Traced) for arg in args)
    return has_traced and all(isinstance(arg, (int, float)) for arg in args)
