"""Numbers that remember where they came from.

While a model is recorded, `x.shape[0]` is an `int` like any other to the model's code, and at the
same time a node of the graph: arithmetic on it is recorded, comparisons are plain Python. So a size
stays a size in what is emitted, and control flow on it runs as it would. A comparison of a number
that a tensor held (`x.item() > 0`) is noted: what it decides is fixed.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol

from torch import fx

from unfoldify.recording.numbers.deferring import Deferring, Remembering


class NumberRecorder(Protocol):
    """What a traced number needs of the recorder that made it."""

    def number(self, function: Callable[..., Any], args: tuple[Any, ...], value: Any) -> Any: ...

    def decided(self, number: Any, name: str, others: tuple[Any, ...], outcome: bool) -> bool: ...

    def converted(self, number: Any) -> None: ...


ACTIVE: ContextVar[NumberRecorder | None] = ContextVar("ACTIVE", default=None)


class Traced(Remembering):
    """Mixed into int and float: the node that computes this number, and the recorder it belongs to."""

    node: fx.Node
    owner: object


def exact(number: Any) -> Any:
    """A number without its memory."""
    return int.__pos__(number) if isinstance(number, int) else float.__pos__(number)


def _recorded(function: Callable[..., Any], value: Any, *args: Any) -> Any:
    recorder = ACTIVE.get()
    if recorder is None or value is NotImplemented or isinstance(value, complex):
        return value
    return recorder.number(function, args, value)


def _binary(
    name: str, function: Callable[..., Any], base: type, reflected: bool
) -> Callable[..., Any]:
    plain = getattr(base, name)

    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, (int, float)):
            return NotImplemented
        if base is int and isinstance(other, float):
            left, right = (float(other), exact(self)) if reflected else (exact(self), float(other))
            value = function(left, right)
        else:
            value = plain(exact(self), other)
        args = (other, self) if reflected else (self, other)
        return _recorded(function, value, *args)

    method.__name__ = name
    return method


def _unary(name: str, function: Callable[..., Any], base: type) -> Callable[..., Any]:
    plain = getattr(base, name)

    def method(self: Any, *args: Any) -> Any:
        return _recorded(function, plain(exact(self), *args), self, *args)

    method.__name__ = name
    return method


def _decision(name: str, base: type) -> Callable[..., Any]:
    plain = getattr(base, name)

    def method(self: Any, *others: Any) -> Any:
        outcome = plain(exact(self), *others)
        recorder = ACTIVE.get()
        if recorder is not None and outcome is not NotImplemented:
            return recorder.decided(self, name, others, outcome)
        return outcome

    method.__name__ = name
    return method


def _conversion(name: str, base: type) -> Callable[..., Any]:
    convert = getattr(base, name)

    def method(self: Any) -> Any:
        recorder = ACTIVE.get()
        if recorder is not None:
            recorder.converted(self)
        return convert(self)

    method.__name__ = name
    return method


def _astype(number: Any, kind: Any, *_: Any, **__: Any) -> Any:
    """`np.ceil(n).astype(int)`: what a number of numpy's would be as another type."""
    name = getattr(kind, "__name__", str(kind))
    if name.startswith(("int", "uint")):
        return as_int(number)
    return number if name.startswith("float") else plain(number)


def as_int(number: Any) -> Any:
    """`int(number)`; of a float that was a whole number before, that one."""
    recorder: Any = ACTIVE.get()
    value = int(exact(number))
    if recorder is None or isinstance(number, int):
        return number
    whole = number.node.args[0] if number.node.target is float else None
    if isinstance(whole, fx.Node) and type(whole.meta.get("value")) in (int, TracedInt):
        return traced(value, whole, number.owner)
    return recorder.number(int, (number,), value)


_DECISIONS = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__")
_BINARY: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
}
_UNARY: dict[str, Callable[..., Any]] = {
    "neg": operator.neg,
    "abs": abs,
    "round": round,
    "ceil": math.ceil,
    "floor": math.floor,
    "trunc": math.trunc,
}


def _methods(base: type) -> dict[str, Any]:
    methods: dict[str, Any] = {}
    for name, function in _BINARY.items():
        methods[f"__{name}__"] = _binary(f"__{name}__", function, base, reflected=False)
        methods[f"__r{name}__"] = _binary(f"__r{name}__", function, base, reflected=True)
    for name, function in _UNARY.items():
        if hasattr(base, f"__{name}__"):
            methods[f"__{name}__"] = _unary(f"__{name}__", function, base)
    methods.update({name: _decision(name, base) for name in _DECISIONS})
    methods.update({name: _conversion(name, base) for name in ("__int__", "__float__")})
    methods["__divmod__"] = lambda self, other: (self // other, self % other)
    methods["__hash__"] = base.__hash__
    # what numpy makes of a number has methods of its own
    methods.update({"item": lambda self: self, "tolist": lambda self: self, "astype": _astype})
    # copies and pickles of a traced number are plain numbers
    methods["__reduce__"] = lambda self: (base, (exact(self),))
    methods["__copy__"] = lambda self: self
    methods["__deepcopy__"] = lambda self, memo: exact(self)
    return methods


TracedInt = type("TracedInt", (Traced, int), _methods(int))
TracedFloat = type("TracedFloat", (Traced, float), _methods(float))


def traced(value: int | float, node: fx.Node, owner: object) -> Any:
    """`value` as a number that is computed by `node`; a bool or another type is returned as it is."""
    if type(value) not in (int, float, TracedInt, TracedFloat):
        return value
    kind: Any = TracedInt if isinstance(value, int) else TracedFloat
    number = kind(value)
    number.node, number.owner = node, owner
    return number


def plain(value: Any) -> Any:
    """`value` without its memory, through tuples, lists, dicts and slices."""
    if isinstance(value, Traced):
        return exact(value)
    if isinstance(value, Deferring):
        return float(value)
    if isinstance(value, slice):
        return slice(plain(value.start), plain(value.stop), plain(value.step))
    if type(value) in (tuple, list):
        return type(value)(plain(item) for item in value)
    if type(value) is dict:
        return {key: plain(item) for key, item in value.items()}
    return value
