"""Arrays that numpy makes of sizes: `torch.from_numpy(np.triu(np.ones((1, n, n)), k=1))`.

No mode of torch sees numpy. While a model is recorded, an array that is made of a size goes with the
tensor that torch makes in the same way: what becomes of the one becomes of the other. Where torch is
given the array it is given that tensor, as long as both hold the same numbers; else the array is a
constant, like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unfoldify.recording.numbers.traced import ACTIVE, Traced, plain
from unfoldify.recording.numpy_in_torch import FUNCTIONS, METHODS, UFUNCS, Ends


class Followed(np.ndarray):
    """An array with the tensor that is made as it is, if there is one."""

    tensor: Tensor | None = None

    def __array_finalize__(self, source: Any) -> None:
        self.tensor = None

    def follow(self) -> Tensor | None:
        """The tensor, if it still holds the same."""
        is_same = self.tensor is not None and agree(self, self.tensor)
        return self.tensor if is_same else None

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return followed(func, FUNCTIONS.get(func), args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: Any, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", None)
        function = UFUNCS.get(ufunc) if method == "__call__" and not options else None
        result = followed(getattr(ufunc, method), function, inputs, options)
        if out is None or not isinstance(out[0], np.ndarray):
            return result
        bare(out[0])[...] = bare(result)
        if isinstance(out[0], Followed):
            out[0].tensor = result.follow() if isinstance(result, Followed) else None
        return out[0]

    def __getitem__(self, key: Any) -> Any:
        return followed(np.ndarray.__getitem__, Tensor.__getitem__, (self, key), {}, typed=False)

    def __setitem__(self, key: Any, value: Any) -> None:
        bare(self)[bare_arguments(key)] = bare_arguments(value)
        if self.tensor is not None:
            put_into = self.tensor.__setitem__
            with_recorder(lambda: put_into(in_torch(key), in_torch(value)))


def _method(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    own = getattr(np.ndarray, name)

    def method(self: Followed, *args: Any, **kwargs: Any) -> Any:
        return followed(own, function, (self, *args), kwargs)

    return method


for _name, _function in METHODS.items():
    setattr(Followed, _name, _method(_name, _function))
Followed.T = property(lambda self: self.transpose())  # type: ignore[assignment]
Followed.__module__ = "numpy"  # to whoever asks it is an array like any other


def stand_in(function: Any) -> Callable[..., Any]:
    """A function of numpy's that is given a size itself: `np.arange(n)`."""

    def call(*args: Any, **kwargs: Any) -> Any:
        recorder: Any = ACTIVE.get()
        is_seen = recorder is not None and recorder.is_recording()
        if not is_seen or not any(map(is_of_size, flat((args, list(kwargs.values()))))):
            return function(*args, **kwargs)
        return followed(function, FUNCTIONS[function], args, kwargs)

    call.__name__ = function.__name__
    call.__wrapped__ = function  # type: ignore[attr-defined]
    return call


def stand_ins() -> Iterator[tuple[Any, Callable[..., Any]]]:
    yield from ((function, stand_in(function)) for function in FUNCTIONS)


def is_of_size(value: Any) -> bool:
    recorder: Any = ACTIVE.get()
    if isinstance(value, range):
        return recorder.ends_of(value) is not None
    return isinstance(value, (Traced, Followed))


def flat(value: Any) -> Iterator[Any]:
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from flat(item)
    else:
        yield value


def followed(function: Any, in_torch_: Any, args: Any, kwargs: Any, *, typed: bool = True) -> Any:
    """What numpy makes of arrays, with the tensors that torch makes of theirs."""
    given = bare_arguments(args), bare_arguments(kwargs)
    result = function(*given[0], **given[1])
    if in_torch_ is None or not is_exact(function, *given, result):
        return result
    of = {"result": result} if typed else {}
    tensor = with_recorder(lambda: in_torch_(*in_torch(args), **in_torch(kwargs), **of))
    if isinstance(result, (tuple, list)) and isinstance(tensor, (tuple, list)):
        return type(result)(joined(*pair) for pair in zip(result, tensor, strict=True))
    return joined(result, tensor)


def is_exact(function: Any, args: Any, kwargs: Any, result: Any) -> bool:
    """Whether numpy has not rounded to less than float64: models are compared in that, and numpy's
    own calls are what they are.
    """
    if getattr(result, "dtype", None) not in (np.float16, np.float32):
        return True
    try:
        wide = function(*widened(args), **widened(kwargs))
    except Exception:
        return False
    return bool(np.array_equal(wide, result, equal_nan=True))


def widened(value: Any) -> Any:
    """Arguments in float64: arrays, and the types that are asked for."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(np.float64)
    if type(value) in (tuple, list):
        return type(value)(map(widened, value))
    if type(value) is dict:
        return {key: widened(item) for key, item in value.items()}
    is_type = isinstance(value, (type, np.dtype)) or value in ("float32", "f4", "float16")
    return np.float64 if is_type and np.dtype(value).kind == "f" else value


def with_recorder(call: Callable[[], Any]) -> Any:
    """What torch answers, whose calls are recorded; None where it does it otherwise than numpy."""
    recorder: Any = ACTIVE.get()
    if recorder is None or not recorder.is_recording():
        return None
    try:
        return call()
    except Exception:
        return None


def joined(result: Any, tensor: Any) -> Any:
    """An array that is followed, where the tensor holds the same."""
    if not isinstance(result, np.ndarray) or not isinstance(tensor, Tensor):
        return result
    if not agree(result, tensor):
        return result
    found = result.view(Followed)
    found.tensor = tensor
    return found


def agree(array: Any, tensor: Tensor) -> bool:
    """Whether a tensor holds the numbers of an array, in its type."""
    recorder: Any = ACTIVE.get()
    with recorder.pause(), torch._C.DisableTorchFunction():
        values = tensor.detach().numpy()
    same = values.shape == array.shape and values.dtype == array.dtype
    return same and bool(np.allclose(values, bare(array), rtol=1e-6, atol=1e-9, equal_nan=True))


def bare(array: Any) -> Any:
    """An array as numpy's own; its memory is the same."""
    return array.view(np.ndarray) if isinstance(array, Followed) else array


def bare_arguments(value: Any) -> Any:
    if isinstance(value, Followed):
        return bare(value)
    if type(value) in (tuple, list):
        return type(value)(map(bare_arguments, value))
    if type(value) is dict:
        return {key: bare_arguments(item) for key, item in value.items()}
    return plain(value)


def in_torch(value: Any) -> Any:
    """Arguments as torch takes them: tensors for arrays, sizes as they are."""
    if isinstance(value, Followed):
        tensor = value.follow()
        if tensor is None:
            raise ValueError("another array than the tensor")
        return tensor
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, range):
        recorder: Any = ACTIVE.get()
        return Ends(recorder.ends_of(value) or (value.start, value.stop, value.step))
    if type(value) in (tuple, list) or isinstance(value, torch.Size):
        return (list if type(value) is list else tuple)(map(in_torch, value))
    if type(value) is dict:
        return {key: in_torch(item) for key, item in value.items()}
    return value
