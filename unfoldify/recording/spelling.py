"""A torch call as an fx node has it: operators as operators, methods as methods."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, fx
from torch.overrides import is_tensor_method_or_property

# Tensor methods that are operators in Python: whichever way they were written, the operator reads
# best.
OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "true_divide": operator.truediv,
    "matmul": operator.matmul,
    "remainder": operator.mod,
    "floor_divide": operator.floordiv,
    "pow": operator.pow,
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "bitwise_not": operator.invert,
    "neg": operator.neg,
    "__add__": operator.add,
    "__sub__": operator.sub,
    "__mul__": operator.mul,
    "__truediv__": operator.truediv,
    "__div__": operator.truediv,
    "__matmul__": operator.matmul,
    "__mod__": operator.mod,
    "__floordiv__": operator.floordiv,
    "__pow__": operator.pow,
    "__and__": operator.and_,
    "__or__": operator.or_,
    "__xor__": operator.xor,
    "__invert__": operator.invert,
    "__neg__": operator.neg,
    "__eq__": operator.eq,
    "__ne__": operator.ne,
    "__lt__": operator.lt,
    "__le__": operator.le,
    "__gt__": operator.gt,
    "__ge__": operator.ge,
    "__lshift__": operator.lshift,
    "__rshift__": operator.rshift,
}
REFLECTED: dict[str, Callable[..., Any]] = {
    "__radd__": operator.add,
    "__rsub__": operator.sub,
    "__rmul__": operator.mul,
    "__rdiv__": operator.truediv,
    "__rtruediv__": operator.truediv,
    "__rfloordiv__": operator.floordiv,
    "__rmod__": operator.mod,
    "__rpow__": operator.pow,
    "__rmatmul__": operator.matmul,
    "__rand__": operator.and_,
    "__ror__": operator.or_,
    "__rxor__": operator.xor,
}
UNARY = {operator.neg, operator.invert}


@dataclass(frozen=True, eq=False)
class AutogradCall:
    """Call target: `Cls.apply` of a user's autograd.Function.

    A class that a function makes anew in every call is the same one as long as it knows the same.
    """

    cls: type

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AutogradCall) and (
            self.cls is other.cls or (self._made_in_a_call and self._made_of == other._made_of)
        )

    def __hash__(self) -> int:
        return hash(self.cls.__qualname__)

    @property
    def _made_in_a_call(self) -> bool:
        return "<locals>" in self.cls.__qualname__

    @property
    def _made_of(self) -> tuple[Any, ...]:
        methods = [getattr(method, "__func__", method) for method in vars(self.cls).values()]
        written = [method for method in methods if isinstance(method, FunctionType)]
        return self.cls.__qualname__, [
            (method.__code__, [comparable(cell.cell_contents) for cell in method.__closure__ or ()])
            for method in written
        ]

    @property
    def __name__(self) -> str:
        return self.cls.__name__

    def __call__(self, *args: Any) -> Any:
        return self.cls.apply(*args)  # type: ignore[attr-defined]


def comparable(value: Any) -> Any:
    """A value that `==` tells one answer of: a tensor as its numbers."""
    if isinstance(value, Tensor):
        value = value.detach()
        return value.dtype, value.shape, value.tolist() if value.device.type != "meta" else None
    if type(value).__module__ == "numpy":
        return value.dtype, value.shape, value.tolist()
    return value


def spelled(func: Any, name: str, args: Any, kwargs: Any) -> tuple[str, Any, Any, Any]:
    """A torch call as an fx node would have it: (op, target, args, kwargs)."""
    if name == "__get__":
        return "call_function", getattr, (args[0], func.__self__.__name__), {}
    if name == "__set__":
        return "call_function", setattr, (args[0], func.__self__.__name__, args[1]), {}
    if func is torch.autograd.grad:  # it hands on tuples
        alone = [a[0] if isinstance(a, tuple) and len(a) == 1 else a for a in args]
        return "call_function", func, tuple(alone), kwargs
    if name == "__getitem__":
        return "call_function", operator.getitem, args, {}
    if name == "__setitem__":
        return "call_function", operator.setitem, args, {}
    if is_method(func):
        if name in OPERATORS and not kwargs and len(args) == (1 if OPERATORS[name] in UNARY else 2):
            return "call_function", OPERATORS[name], args, {}
        if name in REFLECTED and not kwargs and len(args) == 2:
            return "call_function", REFLECTED[name], (args[1], args[0]), {}
        return "call_method", name, args, kwargs
    return "call_function", func, args, kwargs


@lru_cache(maxsize=4096)
def is_method(func: Any) -> bool:
    """Whether a torch callable is a method of Tensor."""
    return (
        bool(is_tensor_method_or_property(func)) or getattr(Tensor, call_name(func), None) is func
    )


def call_name(func: Any) -> str:
    return getattr(func, "__name__", type(func).__name__)


def return_fields(result: Any) -> tuple[str, ...]:
    """The field names of a torch.return_types value, in order."""
    if type(result).__module__ != "torch.return_types":
        return ()
    return tuple(name for name in type(result).__match_args__)


def whole_list(items: list[Any]) -> fx.Node | None:
    """The call of which these are all the numbers, in order: `x.tolist()`, handed on whole."""
    first = items[0] if items else None
    source = first.args[0] if isinstance(first, fx.Node) and first.args else None
    if not isinstance(source, fx.Node) or source.meta.get("items") != len(items):
        return None
    taken = (
        isinstance(item, fx.Node) and item.target is operator.getitem and item.args == (source, at)
        for at, item in enumerate(items)
    )
    return source if all(taken) else None


def whole_shape(items: tuple[Any, ...]) -> fx.Node | None:
    """The node of `x.shape` where the items are all its sizes in order."""
    if not items or not all(
        isinstance(item, fx.Node) and item.target is operator.getitem for item in items
    ):
        return None
    shapes = {item.args[0] for item in items}
    shape = shapes.pop()
    if shapes or not isinstance(shape, fx.Node) or shape.meta.get("length") != len(items):
        return None
    return shape if [item.args[1] for item in items] == list(range(len(items))) else None
