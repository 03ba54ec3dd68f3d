"""`int(h * 0.5)`, `float(n)`, `min(n, 5)`: what Python makes of numbers that remember.

These hand back plain numbers, whatever methods a number has. So a run notes in which modules they
were given a traced number or a tensor, and the next one has stand-ins there, under the same names,
that record what they do.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from types import FrameType, MappingProxyType, ModuleType
from typing import Any

from torch import Tensor, nn

from unfoldify.recording.numbers.deferring import is_torchs
from unfoldify.recording.numbers.traced import ACTIVE, Traced, as_int, plain
from unfoldify.recording.old_tensors import OldType
from unfoldify.recording.source import parsed, position_in, site

Globals = dict[str, Any]


class NumberType(OldType):
    """The class of the stand-ins for int and float: called with a number that remembers, they record."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        recorder: Any = ACTIVE.get()
        if len(args) != 1 or kwargs or recorder is None or not recorder.is_recording():
            return self.original(*args, **kwargs)
        value = args[0].item() if isinstance(args[0], Tensor) else args[0]
        result = self.original(plain(value))
        if not isinstance(value, Traced) or isinstance(value, self.original):
            return value if isinstance(value, Traced) else result
        if self.original is int:
            return as_int(value)
        return recorder.number(self.original, (value,), result)


class CountedType(OldType):
    """The class of the stand-in for range: how often a loop runs may be for a tensor to say."""

    def __call__(self, *args: Any) -> Any:
        recorder: Any = ACTIVE.get()
        result = self.original(*map(plain, args))
        if recorder is not None and recorder.is_recording():
            recorder.counted(args, result)
        return result


def of_several(function: Callable[..., Any]) -> Callable[..., Any]:
    """`min` and `max` of numbers of which one remembers: which it is depends on the sizes."""

    def call(*args: Any, **kwargs: Any) -> Any:
        numbers = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
        recorder: Any = ACTIVE.get()
        if kwargs or recorder is None or len(numbers) < 2 or not are_numbers(numbers):
            return function(*args, **kwargs)
        return recorder.number(function, tuple(numbers), function(*map(plain, numbers)))

    return call


def are_numbers(values: Sequence[Any]) -> bool:
    return any(isinstance(value, Traced) for value in values) and all(
        isinstance(value, (int, float)) for value in values
    )


STAND_INS: dict[str, Any] = {
    "int": NumberType("int", (), {"original": int}),
    "float": NumberType("float", (), {"original": float}),
    "range": CountedType("range", (), {"original": range}),
    "min": of_several(min),
    "max": of_several(max),
}


def counting(model: nn.Module) -> AbstractContextManager[None]:
    """Have the stand-in for range where a model's classes are: its loops are of interest, whether or
    not anything else is made of numbers there.
    """
    classes = {cls for module in model.modules() for cls in type(module).__mro__}
    modules = (sys.modules.get(cls.__module__) for cls in classes if not is_torchs(cls))
    found = [vars(each) for each in modules if each is not None and only_calls(file_of(each))]
    return in_place(found, {"range": STAND_INS["range"]})


def file_of(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or ""


def converts(frame: FrameType) -> bool:
    """Whether a frame is at a call of one of these, in a module that may have stand-ins."""
    found = site(position_in(frame))
    expression = found.expression if found is not None else None
    return (
        isinstance(expression, ast.Call)
        and isinstance(expression.func, ast.Name)
        and expression.func.id in STAND_INS
        and only_calls(frame.f_code.co_filename)
        and frame.f_globals.get(expression.func.id) is None
    )


@lru_cache(maxsize=512)
def only_calls(filename: str) -> bool:
    """Whether a file never compares a type with these: stand-ins are others."""
    file = parsed(filename)
    return file is not None and not any(
        isinstance(part, ast.Name) and part.id in ("int", "float", "range")
        for node in file.parents
        if isinstance(node, ast.Compare)
        for part in (node.left, *node.comparators)
    )


@contextmanager
def in_place(
    modules: Sequence[Globals], stand_ins: Mapping[str, Any] = MappingProxyType(STAND_INS)
) -> Iterator[None]:
    """Have the stand-ins in some modules, where nothing else has their names."""
    added = [
        (names, name, stand_in)
        for names in modules
        for name, stand_in in stand_ins.items()
        if name not in names
    ]
    for names, name, stand_in in added:
        names[name] = stand_in
    try:
        yield
    finally:
        for names, name, _ in added:
            names.pop(name, None)
