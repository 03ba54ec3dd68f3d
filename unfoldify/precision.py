"""A model made for float32 computes in float64, casts and all, without being told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from unfoldify.redraw import WIDE

_BITS = (torch.ops.aten.view.dtype,)  # reads the same bits as another type: not a cast


class InOrder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Random numbers are drawn in the order of the axes, whatever the memory's layout.

    Dropout then drops the same elements from a contiguous tensor and from a transposed one.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags and _has_tensor(args):
            return _drawn_in_order(func, args, kwargs or {}, _written(func, args))
        return func(*args, **(kwargs or {}))


class Double(InOrder):  # type: ignore[no-untyped-call]
    """Every floating number computed inside is a float64, every complex one a complex128.

    `x.float()` and `dtype=torch.float16` mean float64; float32 constants from outside are widened
    where they are used. Values that are made from nothing (`torch.full((n,), 0.1)`) are rounded as
    in the model's own type first, so that a constant is the same number wherever it is made.
    """

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _BITS:
            return func(*args, **kwargs)
        if not _has_tensor(args):
            return _each(_widened, func(*args, **kwargs))
        written = _written(func, args)
        args, kwargs = _each(_wide_type, (args, kwargs))
        if torch.Tag.nondeterministic_seeded in func.tags:
            args, kwargs = _each(_widened, (args, kwargs)) if written is None else (args, kwargs)
            return _each(_widened, _drawn_in_order(func, args, kwargs, written))
        if written is not None:
            args, kwargs = _each(lambda x: _as_type(x, written), (args, kwargs))
            return func(*args, **kwargs)
        if not func.is_view:
            args, kwargs = _each(_widened, (args, kwargs))
        return _each(_widened, func(*args, **kwargs))


def _each(change: Callable[[Any], Any], value: Any) -> Any:
    """The arguments or results of a call with each part changed; nothing nests deeper in them."""
    if isinstance(value, list | tuple):
        return type(value)([_each(change, part) for part in value])
    if isinstance(value, dict):
        return {name: _each(change, part) for name, part in value.items()}
    return change(value)


def _has_tensor(args: tuple[Any, ...]) -> bool:
    return any(isinstance(a, Tensor | list | tuple) and _holds_tensor(a) for a in args)


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(isinstance(x, Tensor) for x in value)
    return isinstance(value, Tensor)


def _written(func: Any, args: tuple[Any, ...]) -> Tensor | None:
    """The tensor that the call writes into, if it does."""
    if not func._schema.is_mutable:
        return None
    for argument, value in zip(func._schema.arguments, args, strict=False):
        if argument.alias_info is not None and argument.alias_info.is_write:
            return value if isinstance(value, Tensor) else None
    return None


def _widened(value: Any) -> Any:
    if isinstance(value, Tensor) and value.dtype in WIDE:
        return value.to(WIDE[value.dtype])
    return value


def _wide_type(value: Any) -> Any:
    return WIDE.get(value, value) if isinstance(value, torch.dtype) else value


def _as_type(value: Any, like: Tensor) -> Any:
    """What is written into a tensor takes its type; the tensor itself stays the same object."""
    if isinstance(value, Tensor) and value is not like and value.dtype in WIDE:
        return value.to(like.dtype if like.dtype.is_floating_point else WIDE[value.dtype])
    return value


def _drawn_in_order(func: Any, args: Any, kwargs: Any, written: Tensor | None) -> Any:
    if written is None:
        args, kwargs = _each(_contiguous, (args, kwargs))
        return func(*args, **kwargs)
    drawn = torch.empty(written.shape, dtype=written.dtype, device=written.device).copy_(written)
    func(*(drawn if a is written else _contiguous(a) for a in args), **kwargs)
    return written.copy_(drawn)


def _contiguous(value: Any) -> Any:
    return value.contiguous() if isinstance(value, Tensor) else value
