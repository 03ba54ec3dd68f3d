"""`torch.FloatTensor([...])`, `torch.Tensor(2, 3)`: constructors from before `torch.tensor`.

They are types, not functions, so no mode of torch sees them called. While a model is recorded they
are the calls that one would write today: `torch.tensor(data, dtype=...)`, `torch.empty(sizes)`,
`torch.sparse_coo_tensor(indices, values, size)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from unfoldify.recording.numbers.traced import ACTIVE, plain

_NAMES = ("Float", "Double", "Half", "BFloat16", "Byte", "Char", "Short", "Int", "Long", "Bool")


class OldType(type):
    """The class of the stand-ins: called, they are `today`; asked, they are what they stand for."""

    original: Any

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return today(cls.original, cls.original.dtype, args, kwargs)

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, cls.original)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.original, name)


OLD_TYPES: tuple[Any, ...] = tuple(
    OldType(f"{name}Tensor", (), {"original": getattr(torch, f"{name}Tensor")}) for name in _NAMES
)


class OldSparse(OldType):
    """`torch.sparse.FloatTensor(indices, values, size)`"""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        recorder: Any = ACTIVE.get()
        if recorder is None or not recorder.is_recording() or kwargs:
            return cls.original(*args, **kwargs)
        match args:
            case [Tensor(), Tensor() as values, *size] if values.dtype is cls.original.dtype:
                return torch.sparse_coo_tensor(*args[:2], *map(tuple, size))
        return cls.original(*args)


OLD_TYPES += tuple(
    OldSparse(f"{name}Tensor", (), {"original": getattr(torch.sparse, f"{name}Tensor")})
    for name in _NAMES
    if hasattr(torch.sparse, f"{name}Tensor")
)


class OldVariable(OldType):
    """`Variable(x)` is `x` without its history; of a tensor that is new it is the tensor itself."""

    def __call__(cls, data: Any = None, requires_grad: bool = False, volatile: Any = None) -> Any:
        recorder: Any = ACTIVE.get()
        if recorder is None or not recorder.is_recording() or type(data) is not Tensor:
            return cls.original(data, requires_grad)
        if requires_grad:
            return data.detach().requires_grad_()
        return data if recorder.is_of_nothing(data) else data.detach()


VARIABLE: Any = OldVariable("Variable", (), {"original": torch.autograd.Variable})
OLD_TYPES += (VARIABLE,)


def original(value: Any) -> Any:
    """`torch.FloatTensor` itself, where its stand-in is handed to a call: `x.type(torch.FloatTensor)`."""
    return value.original if isinstance(value, OldType) else value


@contextmanager
def seen_constructor() -> Iterator[None]:
    """`torch.Tensor(...)` is seen as well. It cannot be replaced: whoever asks what a tensor is needs it."""
    construct: Any = Tensor.__new__

    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if cls is not Tensor:
            return construct(cls, *args, **kwargs)
        return today(lambda *a, **k: construct(cls, *a, **k), None, args, kwargs)

    Tensor.__new__ = staticmethod(new)  # type: ignore[method-assign]
    try:
        yield
    finally:
        del Tensor.__new__


def today(construct: Any, dtype: torch.dtype | None, args: Any, kwargs: Any) -> Any:
    """What the constructor does, by the functions of today; anything rarer is left to it."""
    recorder: Any = ACTIVE.get()
    if recorder is None or not recorder.is_recording() or kwargs:
        return construct(*args, **kwargs)
    options: dict[str, Any] = (
        {} if dtype is None or dtype is torch.get_default_dtype() else {"dtype": dtype}
    )
    if all(isinstance(size, int) for size in args):
        return torch.empty(args or (0,), **options)
    data = args[0]
    if isinstance(data, torch.Size):
        return torch.empty(data, **options)
    if type(data) is Tensor and data.dtype is (dtype or torch.get_default_dtype()):
        return data  # another name of it
    if type(data) in (list, tuple, range) or type(data).__module__ == "numpy":
        return tensor_of(data, dtype or torch.get_default_dtype())
    return construct(*args)


def tensor_of(data: Any, dtype: torch.dtype) -> Tensor:
    """`torch.tensor(data)`, with its dtype where the data alone would give another."""
    with torch._C.DisableTorchFunction():
        own = torch.tensor(plain(data)).dtype
    return torch.tensor(data) if own is dtype else torch.tensor(data, dtype=dtype)
