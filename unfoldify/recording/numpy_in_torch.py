"""Functions of numpy's in torch's words: what makes the same numbers, in the same type.

Each takes numpy's arguments, with tensors for arrays, and `result`, the array that numpy made.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

MOST_NUMBERS = 8  # that an array is made of, each by itself


class Ends(tuple[Any, ...]):
    """What a range over a size was given."""

    def tensor(self) -> Tensor:
        return torch.arange(*self)


@lru_cache(maxsize=64)
def _dtype(name: str) -> torch.dtype:
    with torch._C.DisableTorchFunction():
        return torch.from_numpy(np.zeros(1, name)).dtype


def typed(result: Any, usual: torch.dtype = torch.float32) -> dict[str, Any]:
    """The keyword for the type of an array, where torch would make another of the same numbers."""
    dtype = _dtype(str(result.dtype))
    return {} if dtype is usual else {"dtype": dtype}


def as_type(tensor: Tensor, result: Any) -> Tensor:
    dtype = _dtype(str(result.dtype))
    return tensor if tensor.dtype is dtype else tensor.to(dtype)


def several(numbers: Any) -> tuple[Any, ...]:
    """Sizes, of which numpy takes a single one by itself."""
    return tuple(numbers) if isinstance(numbers, (tuple, list)) else (numbers,)


def arange(*ends: Any, dtype: Any = None, result: Any) -> Tensor:
    whole = all(isinstance(end, int) for end in ends)
    return torch.arange(*ends, **typed(result, torch.int64 if whole else torch.float32))


def linspace(start: Any, stop: Any, num: int = 50, *, dtype: Any = None, result: Any) -> Tensor:
    return torch.linspace(start, stop, num, **typed(result))


def filled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(shape: Any, dtype: Any = None, *, result: Any) -> Tensor:
        return function(*several(shape), **typed(result))

    return call


def full(shape: Any, value: Any, dtype: Any = None, *, result: Any) -> Tensor:
    usual = {bool: torch.bool, float: torch.float32}.get(type(value), torch.int64)
    return torch.full(several(shape), value, **typed(result, usual))


def eye(n: int, m: int | None = None, k: int = 0, dtype: Any = None, *, result: Any) -> Tensor:
    if k:
        raise NotImplementedError
    return torch.eye(n, **typed(result)) if m is None else torch.eye(n, m, **typed(result))


def array(data: Any, dtype: Any = None, *, result: Any) -> Tensor:
    """Of tensors, of numbers, or of a range."""
    if isinstance(data, Ends):
        return as_type(data.tensor(), result)
    if isinstance(data, Tensor):
        return as_type(data.clone(), result)
    if isinstance(data, (list, tuple)) and all(isinstance(item, Tensor) for item in data):
        return as_type(torch.stack(list(data)), result)
    if len(data) > MOST_NUMBERS or not all(isinstance(item, (int, float)) for item in data):
        raise NotImplementedError  # a table, which is better shown as the numbers that it holds
    whole = all(isinstance(item, int) for item in data)
    return torch.tensor(data, **typed(result, torch.int64 if whole else torch.float32))


def triangle(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(m: Tensor, k: int = 0, *, result: Any) -> Tensor:
        return function(m, k) if k else function(m)

    return call


def indices(function: Callable[..., Tensor]) -> Callable[..., Any]:
    def call(n: int, k: int = 0, m: int | None = None, *, result: Any) -> tuple[Tensor, ...]:
        rows, columns = function(n, n if m is None else m, k)
        return rows, columns

    return call


def meshgrid(*axes: Tensor, indexing: str = "xy", result: Any) -> tuple[Tensor, ...]:
    return tuple(torch.meshgrid(*axes, indexing=indexing))


def along(function: Callable[..., Tensor], usual: int = 0) -> Callable[..., Tensor]:
    """A function of several arrays, or of one, with an axis."""

    def call(a: Any, axis: int = usual, *, result: Any) -> Tensor:
        return as_type(function(a, dim=axis), result)

    return call


def tile(a: Any, reps: Any, *, result: Any) -> Tensor:
    tensor: Tensor = a.tensor() if isinstance(a, Ends) else a
    return tensor.tile(several(reps))


def repeat(a: Tensor, repeats: int, axis: int | None = None, *, result: Any) -> Tensor:
    return a.repeat_interleave(repeats, dim=axis)


def reduced(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(a: Tensor, axis: Any = None, *, keepdims: bool = False, result: Any) -> Tensor:
        if axis is None:
            raise NotImplementedError  # a number
        return as_type(function(a, dim=axis, keepdim=keepdims), result)

    return call


def reshape(a: Tensor, *shape: Any, result: Any) -> Tensor:
    return a.reshape(*shape)


def transpose(a: Tensor, *axes: Any, result: Any) -> Tensor:
    order = axes[0] if axes and isinstance(axes[0], (tuple, list)) else axes
    if not order:
        return a.t() if a.ndim == 2 else a.permute(*range(a.ndim - 1, -1, -1))
    return a.permute(*order)


def plainly(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function of the same arguments in both; of whole numbers numpy may make others."""

    def call(*args: Any, result: Any) -> Tensor:
        if result.dtype.kind == "f":  # of whole numbers torch makes its own floats
            args = tuple(
                as_type(arg, result)
                if isinstance(arg, Tensor) and not arg.is_floating_point()
                else arg
                for arg in args
            )
        return as_type(function(*args), result)

    return call


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.arange: arange,
    np.linspace: linspace,
    np.ones: filled(torch.ones),
    np.zeros: filled(torch.zeros),
    np.full: full,
    np.eye: eye,
    np.identity: eye,
    np.array: array,
    np.asarray: array,
    np.triu: triangle(torch.triu),
    np.tril: triangle(torch.tril),
    np.triu_indices: indices(torch.triu_indices),
    np.tril_indices: indices(torch.tril_indices),
    np.meshgrid: meshgrid,
    np.tile: tile,
    np.repeat: repeat,
    np.stack: along(torch.stack),
    np.concatenate: along(torch.cat),
    np.flip: along(lambda a, dim: a.flip(dim)),
    np.cumsum: along(torch.cumsum),
    np.sum: reduced(torch.sum),
    np.mean: reduced(torch.mean),
    np.expand_dims: lambda a, axis, *, result: a.unsqueeze(axis),
    np.transpose: transpose,
    np.reshape: reshape,
    np.where: plainly(torch.where),
    np.outer: plainly(torch.outer),
    np.einsum: lambda text, *args, result: torch.einsum(text, *args),
    np.zeros_like: lambda a, *, result: as_type(torch.zeros_like(a), result),
    np.ones_like: lambda a, *, result: as_type(torch.ones_like(a), result),
}
METHODS: dict[str, Callable[..., Any]] = {
    "astype": lambda a, *_, result, **__: as_type(a, result),
    "reshape": reshape,
    "transpose": transpose,
    "copy": lambda a, *, result: a.clone(),
    "flatten": lambda a, *, result: a.flatten(),
    "ravel": lambda a, *, result: a.flatten(),
    "repeat": repeat,
    "sum": reduced(torch.sum),
    "mean": reduced(torch.mean),
    "cumsum": along(torch.cumsum),
}
UFUNCS: dict[Any, Callable[..., Any]] = {
    getattr(np, name): plainly(function)
    for name, function in (
        *((name, getattr(torch, name)) for name in ("sin", "cos", "tan", "tanh", "exp", "log")),
        *((name, getattr(torch, name)) for name in ("log2", "log10", "sqrt", "square", "floor")),
        *((name, getattr(torch, name)) for name in ("ceil", "logical_not", "maximum", "minimum")),
        ("add", lambda a, b: a + b),
        ("subtract", lambda a, b: a - b),
        ("multiply", lambda a, b: a * b),
        ("true_divide", lambda a, b: a / b),
        ("floor_divide", lambda a, b: a // b),
        ("remainder", lambda a, b: a % b),
        ("power", lambda a, b: a**b),
        ("negative", lambda a: -a),
        ("absolute", lambda a: a.abs()),
        ("equal", lambda a, b: a == b),
        ("not_equal", lambda a, b: a != b),
        ("less", lambda a, b: a < b),
        ("less_equal", lambda a, b: a <= b),
        ("greater", lambda a, b: a > b),
        ("greater_equal", lambda a, b: a >= b),
        ("logical_and", lambda a, b: a & b),
        ("logical_or", lambda a, b: a | b),
        ("bitwise_and", lambda a, b: a & b),
        ("bitwise_or", lambda a, b: a | b),
        ("invert", lambda a: ~a),
    )
}
