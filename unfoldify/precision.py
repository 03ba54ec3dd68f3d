"""A model made for float32 computes in float64, casts and all, without being told."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from unfoldify.redraw import WIDE

_BITS = (torch.ops.aten.view.dtype,)  # reads the same bits as another type: not a cast


class Double(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Every floating number computed inside is a float64, every complex one a complex128.

    `x.float()` and `dtype=torch.float16` mean float64; float32 constants from outside are widened
    where they are used. Values that are made from nothing (`torch.full((n,), 0.1)`) are rounded as
    in the model's own type first, so that a constant is the same number wherever it is made.

    Random numbers are drawn in the order of the axes, whatever the memory's layout: dropout then
    drops the same elements from a contiguous tensor and from a transposed one.
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
            return tree_map(_widened, func(*args, **kwargs))
        written = _written(func, args)
        if torch.Tag.nondeterministic_seeded in func.tags:
            return _drawn_in_order(func, args, kwargs, written)
        args, kwargs = tree_map(_wide_type, (args, kwargs))
        if written is not None:
            args, kwargs = tree_map(lambda x: _as_type(x, written), (args, kwargs))
            return func(*args, **kwargs)
        if not func.is_view:
            args, kwargs = tree_map(_widened, (args, kwargs))
        return tree_map(_widened, func(*args, **kwargs))


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
        args, kwargs = tree_map(_wide_type, (args, kwargs))
        args, kwargs = tree_map(lambda x: _contiguous(_widened(x)), (args, kwargs))
        return tree_map(_widened, func(*args, **kwargs))
    drawn = torch.empty(written.shape, dtype=written.dtype, device=written.device).copy_(written)
    func(*(drawn if a is written else _contiguous(a) for a in args), **kwargs)
    return written.copy_(drawn)


def _contiguous(value: Any) -> Any:
    return value.contiguous() if isinstance(value, Tensor) else value
