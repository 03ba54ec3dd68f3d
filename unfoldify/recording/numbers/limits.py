"""`torch.finfo(x.dtype).eps`: numbers that follow a dtype, written as what they are asked from.

Such a number becomes nodes where a recorded call uses it, so one that only decides something, or is
never used, leaves none. Arithmetic on it (`1 - finfo.eps`) is kept in mind until then.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from unfoldify.recording.numbers.deferring import Deferring, Remembering
from unfoldify.recording.numbers.traced import ACTIVE

_WORDS = ("eps", "tiny", "smallest_normal", "min", "max", "resolution")


class Limits:
    """What `torch.finfo(dtype)` answers while a model is recorded."""

    def __init__(self, info: torch.finfo, made: Made) -> None:
        self._info, self._made = info, made

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._info, name)
        return Limit.of(value, self._made, name) if name in _WORDS else value

    def __repr__(self) -> str:
        return repr(self._info)


class Made:
    """A call of `torch.finfo`: of which dtype, where it stands, and whose dtype was asked for last."""

    def __init__(self, finfo: Any, dtype: torch.dtype, recorder: Any) -> None:
        self.finfo, self.dtype = finfo, dtype
        self.positions = recorder.positions()
        self.source = recorder.last_of_dtype(dtype)


class Limit(Remembering, float):
    """A number of a dtype's, or what is computed from one with plain numbers."""

    function: Any  # what computes it, or the call of `torch.finfo` of which it is a word
    args: tuple[Any, ...]

    @classmethod
    def of(cls, value: float, function: Any, *args: Any) -> Limit:
        number = cls(value)
        number.function, number.args = function, args
        return number


def _arithmetic(name: str, function: Callable[..., Any], reflected: bool) -> Callable[..., Any]:
    plain = getattr(float, name)

    def method(self: Limit, *others: Any) -> Any:
        value = plain(self, *others)
        if type(value) is not float:
            return value
        args = (*others, self) if reflected else (self, *others)
        return Limit.of(value, function, *args) if all(map(_is_plain, others)) else value

    return method


def _is_plain(number: Any) -> bool:
    return type(number) in (int, float, Limit, Deferring)


for _name in ("add", "sub", "mul", "truediv", "pow"):
    _function = getattr(operator, _name)
    setattr(Limit, f"__{_name}__", _arithmetic(f"__{_name}__", _function, False))
    setattr(Limit, f"__r{_name}__", _arithmetic(f"__r{_name}__", _function, True))
Limit.__neg__ = _arithmetic("__neg__", operator.neg, False)  # type: ignore[method-assign]


class Answering(type):
    """The class of the stand-in for `torch.finfo`, which is a class itself: whatever is imported in
    the meantime may keep it, and ask whether something is one.
    """

    original: Any

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        info = cls.original(*args, **kwargs)
        recorder: Any = ACTIVE.get()
        dtype = next(iter((*args, *kwargs.values())), None)
        if recorder is None or not recorder.is_recording() or not isinstance(dtype, torch.dtype):
            return info
        return Limits(info, Made(cls.original, dtype, recorder))

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, (cls.original, Limits))


def recorded_finfo(original: Any) -> Any:
    return Answering("finfo", (), {"original": original})


def nodes_of(number: Limit, graph: fx.Graph, known: Callable[[Any], fx.Node | None]) -> fx.Node:
    """A limit as nodes of the graph, which stay inside the expression that uses them."""
    if isinstance(number.function, Made):
        made = number.function
        info = graph.call_function(made.finfo, (made.dtype,))
        info.meta["positions"] = made.positions
        source = known(made.source)
        if source is not None:
            info.meta["dtype_from"] = source
        node = graph.call_function(getattr, (info, *number.args))
        info.meta["inline"] = True
    else:
        args = [nodes_of(a, graph, known) if type(a) is Limit else a for a in number.args]
        node = graph.call_function(number.function, tuple(args))
    node.meta.update(inline=True, value=float(number))
    return node
