"""A model made for float32 computes in float64, casts and all, without being told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._C import DispatchKey
from torch._ops import HigherOrderOperator
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from unfoldify.effort import effort, effort_of_products
from unfoldify.verification.contracted import Promised, is_outer_product
from unfoldify.verification.redraw import WIDE

_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_BITS = (torch.ops.aten.view.dtype,)  # reads the same bits as another type: not a cast


class InOrder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Random numbers are drawn in the order of the axes, whatever the memory's layout.

    Dropout then drops the same elements from a contiguous tensor and from a transposed one.
    Counts on the way about how long it takes.
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.effort = 0.0  # seconds

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if isinstance(func, HigherOrderOperator):
            return self.inside(func, args, kwargs)
        result = _call(func, args, kwargs, _written(func, args, kwargs))
        if is_outer_product(func, args):
            self.effort += effort_of_products(result.numel())
        else:
            made = [] if func.is_view else _tensors(result)
            self.effort += effort(func, _tensors(args), made)
        return result

    def inside(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """An operator that is given functions: what it comes to is seen call by call."""
        with self, _AsUnmapped():
            return func.py_kernels[DispatchKey.CompositeExplicitAutograd](*args, **kwargs)


class Double(InOrder):  # type: ignore[no-untyped-call]
    """Every floating number computed inside is a float64, every complex one a complex128.

    `x.float()` and `dtype=torch.float16` mean float64; float32 constants from outside are widened
    where they are used. Values that are made from nothing (`torch.full((n,), 0.1)`) are rounded as
    in the model's own type first, so that a constant is the same number wherever it is made.
    """

    def __init__(self) -> None:
        super().__init__()
        self.promised = Promised()

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)  # type: ignore[no-untyped-call]
        self.promised.keep()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if isinstance(func, HigherOrderOperator):
            return self.inside(func, args, kwargs)
        instead = self.promised.instead(func, args, kwargs)
        if instead is not None:
            return instead
        self.promised.before(func, lambda: _tensors((args, kwargs)))
        if func in _BITS:
            return func(*args, **kwargs)
        if not any(isinstance(x, Tensor) for x in _flat((args, kwargs))):
            return _each(_widened, func(*args, **kwargs))
        args, kwargs = _each(_wide_type, args), _each(_wide_type, kwargs)
        written = _written(func, args, kwargs)
        if not func.is_view:
            narrow = next((t for t in written if t.dtype in WIDE), None)
            change = partial(
                _unless, written, partial(_like, narrow) if narrow is not None else _widened
            )
            args, kwargs = _each(change, args), _each(change, kwargs)
        found = _call(func, args, kwargs, written)
        return found if written else _each(_widened, found)


class _AsUnmapped(TorchFunctionMode):
    """`0.1 * index` is rounded when it has been computed; `vmap` would make a tensor of 0.1 before,
    which is rounded.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        tensors = _tensors(args)
        whole = tensors and all(t.dtype in _INTEGERS for t in tensors)
        narrow = whole and any(isinstance(x, float) for x in args)
        with _disable_current_modes() if narrow else nullcontext():
            return func(*args, **(kwargs or {}))


def _call(func: Any, args: Any, kwargs: Any, written: list[Tensor]) -> Any:
    """The call itself; where it draws random numbers, in the order of the axes."""
    if torch.Tag.nondeterministic_seeded not in func.tags:
        return func(*args, **kwargs)
    args, kwargs = _each(partial(_unless, written, _contiguous), (args, kwargs))
    if not written or written[0] is not args[0] or written[0].is_contiguous():
        return func(*args, **kwargs)
    target = written[0]  # x.bernoulli_() and the like
    drawn = target.contiguous()
    func(drawn, *args[1:], **kwargs)
    return target.copy_(drawn)


def _written(func: Any, args: Any, kwargs: Any) -> list[Tensor]:
    """The tensors that the call writes into."""
    if not func._schema.is_mutable:
        return []
    declared = func._schema.arguments
    given = [*zip(declared, args, strict=False)]
    given += [(a, kwargs[a.name]) for a in declared[len(args) :] if a.name in kwargs]
    written = [v for a, v in given if a.alias_info is not None and a.alias_info.is_write]
    return _tensors(written)


def _each(change: Callable[[Any], Any], value: Any) -> Any:
    """The arguments or results of a call with each part changed; nothing nests deeper in them."""
    if isinstance(value, list | tuple):
        return type(value)([_each(change, part) for part in value])
    if isinstance(value, dict):
        return {name: _each(change, part) for name, part in value.items()}
    return change(value)


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _flat(part)
    else:
        yield value


def _tensors(value: Any) -> list[Tensor]:
    return [x for x in _flat(value) if isinstance(x, Tensor)]


def _unless(kept: list[Tensor], change: Callable[[Any], Any], value: Any) -> Any:
    """The value changed, unless it is one of the tensors that must stay the same object."""
    return value if any(value is tensor for tensor in kept) else change(value)


def _widened(value: Any) -> Any:
    if isinstance(value, Tensor) and value.dtype in WIDE:
        return value.to(WIDE[value.dtype])
    return value


def _like(written: Tensor, value: Any) -> Any:
    """What goes into a narrow tensor from outside takes its type."""
    if isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex()):
        return value.to(written.dtype)
    return value


def _wide_type(value: Any) -> Any:
    return WIDE.get(value, value) if isinstance(value, torch.dtype) else value


def _contiguous(value: Any) -> Any:
    return value.contiguous() if isinstance(value, Tensor) else value
