"""Functions that remember their results (`functools.lru_cache`), where these hold tensors.

A recording has to see how a tensor is computed, and float64 must not be handed what float32 left:
so a run begins with such functions remembering nothing, and leaves nothing with them.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import sys
import types
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor, nn

_Remembering = functools._lru_cache_wrapper
_LIBRARIES = {"torch", "einops", "numpy", "unfoldify", *sys.stdlib_module_names}
_DEPTH = 3  # how far inside its dict, tuples and lists a result may hold a tensor


@contextlib.contextmanager
def forgetting(*models: nn.Module) -> Iterator[None]:
    """What the functions that the models can call remember of tensors is forgotten, twice."""
    functions = [function for model in models for function in remembering(model)]
    _forget(functions)
    try:
        yield
    finally:
        _forget(functions)


def remembering(model: nn.Module) -> list[Any]:
    """The functions with a memory that the classes of the model's modules lead to."""
    found: dict[int, Any] = {}
    for cls in {type(module) for module in model.modules()}:
        for base in cls.__mro__:
            if _is_somebodys(base):
                found.update((id(each), each) for each in _of_class(base))
    return list(found.values())


_known: weakref.WeakKeyDictionary[type, list[Any]] = weakref.WeakKeyDictionary()


def _of_class(cls: type) -> list[Any]:
    if cls not in _known:
        _known[cls] = list(_reached(cls))
    return _known[cls]


def _reached(cls: type) -> Iterator[Any]:
    """From a class on: its methods, what they enclose, and the functions of their files."""
    waiting: list[Any] = list(vars(cls).values())
    seen: set[int] = set()
    while waiting:
        held = waiting.pop()
        if id(held) in seen:
            continue
        seen.add(id(held))
        if isinstance(held, _Remembering):
            if _is_somebodys(held.__wrapped__):
                yield held
                waiting.append(held.__wrapped__)
        elif isinstance(held, (staticmethod, classmethod)):
            waiting.append(held.__func__)
        elif isinstance(held, (property, functools.cached_property)):
            waiting.append(held.fget if isinstance(held, property) else held.func)
        elif isinstance(held, functools.partial):
            waiting.append(held.func)
        elif isinstance(held, types.FunctionType) and _is_somebodys(held):
            waiting.extend(_contents(held.__closure__ or ()))
            if id(held.__globals__) not in seen:
                seen.add(id(held.__globals__))
                waiting.extend(
                    value
                    for value in list(held.__globals__.values())
                    if isinstance(value, (types.FunctionType, _Remembering, functools.partial))
                )


def _contents(cells: Iterable[Any]) -> Iterator[Any]:
    for cell in cells:
        with contextlib.suppress(ValueError):  # a cell that is still empty
            yield cell.cell_contents


def _is_somebodys(thing: Any) -> bool:
    """Whether a class or function is neither torch's nor of a library that keeps no tensors."""
    return str(thing.__module__).partition(".")[0] not in _LIBRARIES


_harmless: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()


def _forget(functions: Iterable[Any]) -> None:
    """Clears the memories that hold tensors; `_harmless` has how many results the others held."""
    for function in functions:
        now = function.cache_info()
        if not now.currsize or _harmless.get(function) == now.misses:
            continue
        if _holds_tensors(gc.get_referents(function), _DEPTH):
            function.cache_clear()
        else:
            _harmless[function] = now.misses


def _holds_tensors(held: Iterable[Any], depth: int) -> bool:
    """Only these are forgotten: what else is remembered may have been slow to find out."""
    for value in held:
        if isinstance(value, Tensor):
            return True
        inside = isinstance(value, (dict, list, tuple)) or type(value).__name__ == "_lru_list_elem"
        if depth and inside and _holds_tensors(gc.get_referents(value), depth - 1):
            return True
    return False
