"""Floats that let a number that remembers go first: of `0.5 * n` Python asks the float, and a float
knows nothing of sizes.

While a model is recorded, the floats in the code of its modules, and those that the modules hold, are
such floats.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

from torch import nn


class Remembering:
    """Mixed into numbers that remember where they came from: they do the arithmetic."""


class Deferring(float):
    """A float that leaves arithmetic to a number that remembers; with others it is any float."""

    def __reduce__(self) -> Any:
        return float, (float(self),)

    def __deepcopy__(self, memo: Any) -> float:
        return float(self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """For numpy too it is any float, whose precision counts less than numpy's own."""
        plain = (float(x) if isinstance(x, Deferring) else x for x in inputs)
        return getattr(ufunc, method)(*plain, **options)

    __hash__ = float.__hash__


def _arithmetic(function: Callable[..., Any], reflected: bool) -> Callable[..., Any]:
    def method(self: Deferring, other: Any) -> Any:
        if isinstance(other, Remembering):
            return NotImplemented
        value = function(other, float(self)) if reflected else function(float(self), other)
        return Deferring(value) if type(value) is float else value

    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    _function = getattr(operator, _name)
    setattr(Deferring, f"__{_name}__", _arithmetic(_function, reflected=False))
    setattr(Deferring, f"__r{_name}__", _arithmetic(_function, reflected=True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Deferring, f"__{_name}__", _arithmetic(getattr(operator, _name), reflected=False))
for _name in ("neg", "pos", "abs"):
    _plain = getattr(float, f"__{_name}__")
    setattr(Deferring, f"__{_name}__", lambda self, _plain=_plain: Deferring(_plain(self)))


@contextmanager
def deferring(model: nn.Module) -> Iterator[None]:
    """Have such floats in a model and its code; the caller puts the model's attributes back."""
    changed = []
    for module in model.modules():
        if not is_torchs(type(module)):
            held = vars(module)
            held.update({key: Deferring(x) for key, x in held.items() if type(x) is float})
    for function in functions_of({type(module) for module in model.modules()}):
        code = function.__code__
        new = with_deferring(code)
        if new is not code:
            changed.append((function, code))
            function.__code__ = new
    try:
        yield
    finally:
        for function, code in changed:
            function.__code__ = code


def functions_of(classes: set[type]) -> Iterator[FunctionType]:
    """The functions of classes that are not torch's, and those beside them in their modules."""
    own = {base for cls in classes for base in cls.__mro__ if not is_torchs(base)}
    modules = {base.__module__: sys.modules.get(base.__module__) for base in own}
    for name, module in modules.items():
        for value in list(vars(module).values()) if module is not None else ():
            if isinstance(value, FunctionType) and value.__module__ == name:
                yield from wrapped(value)
    for base in own:
        for value in list(vars(base).values()):
            yield from wrapped(value)


def wrapped(value: Any) -> Iterator[FunctionType]:
    """The functions in what a class holds under a name."""
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if isinstance(value, property):
        value = value.fget
    while isinstance(value, FunctionType):
        yield value
        value = vars(value).get("__wrapped__")


def is_torchs(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in ("torch", "builtins", "abc", "typing")


_KNOWN: dict[int, tuple[CodeType, CodeType]] = {}  # an id is only good while its object lives


def with_deferring(code: CodeType) -> CodeType:
    """The code with such floats, in the functions that it defines as well; itself where it has none."""
    if id(code) not in _KNOWN:
        constants = tuple(map(_constant, code.co_consts))
        same = all(a is b for a, b in zip(constants, code.co_consts, strict=True))
        _KNOWN[id(code)] = (code, code if same else code.replace(co_consts=constants))
    return _KNOWN[id(code)][1]


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return with_deferring(value)
    return Deferring(value) if type(value) is float else value
