"""What the recorder needs to know of the values that calls take and return."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unfoldify.recording.numbers.deferring import Deferring
from unfoldify.recording.numbers.traced import Traced, plain
from unfoldify.recording.regular import is_regular

LARGEST_LITERAL = 32
SPARSE = {  # layout → what tells where the numbers are
    torch.sparse_coo: ("indices",),
    torch.sparse_csr: ("crow_indices", "col_indices"),
    torch.sparse_csc: ("ccol_indices", "row_indices"),
    torch.sparse_bsr: ("crow_indices", "col_indices"),
    torch.sparse_bsc: ("ccol_indices", "row_indices"),
}


@dataclass(frozen=True)
class Description:
    """What a rule has to know of a tensor without holding it."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device
    layout: torch.layout = torch.strided

    @property
    def is_sparse(self) -> bool:
        """Whether only some of its numbers are held, with where they are."""
        return self.layout in SPARSE

    def meta(self) -> Tensor:
        """A tensor of this description that holds no data."""
        return torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device="meta")


def describe(tensor: Tensor) -> Description:
    """The description of one tensor; sparse and nested ones have no strides and count as
    contiguous.
    """
    with torch._C.DisableTorchFunction():
        shape = tuple(tensor.shape)
        try:
            stride = tuple(tensor.stride())
        except (RuntimeError, NotImplementedError):
            stride = torch.empty(shape, device="meta").stride()
        return Description(shape, stride, tensor.dtype, tensor.device, tensor.layout)


def parts(tensor: Tensor) -> dict[str, Tensor]:
    """What a sparse tensor is made of: where its numbers are, and the numbers.

    The indices of one that is not coalesced may occur twice and in any order.
    """
    with torch._C.DisableTorchFunction():
        if tensor.layout is torch.sparse_coo:
            return {"indices": tensor._indices(), "values": tensor._values()}
        return {label: getattr(tensor, label)() for label in (*SPARSE[tensor.layout], "values")}


def same_numbers(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors hold the same, in the same layout."""
    if a.shape != b.shape or a.layout is not b.layout:
        return False
    if a.layout not in SPARSE:
        return torch.equal(a, b)
    return all(map(same_numbers, parts(a).values(), parts(b).values()))


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors inside tuples, lists, dicts and slices, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, slice):
        yield from tensors_in((value.start, value.stop, value.step))


def is_data(args: Any) -> bool:
    """Whether a tensor is made of numbers that are too many to be written out, or of an array."""
    data = args[0] if args else None
    if type(data).__module__ == "numpy":
        return bool(getattr(data, "ndim", 0))
    is_large = isinstance(data, (list, tuple)) and count(data) > LARGEST_LITERAL
    return is_large and not is_regular(data)


def count(data: Any) -> int:
    """How many numbers a nested list holds; none that remembers where it came from."""
    if isinstance(data, (list, tuple)):
        counts = [count(item) for item in data]
        return -1 if -1 in counts else sum(counts)
    return -1 if isinstance(data, (Traced, Tensor)) else 1


def unique(tensors: tuple[Tensor, ...]) -> list[Tensor]:
    return list({id(tensor): tensor for tensor in tensors}.values())


def version(tensor: Tensor) -> int:
    """How often a tensor was changed in place; tensors of inference mode do not count."""
    try:
        return tensor._version
    except RuntimeError:
        return 0


def plain_arguments(value: Any) -> Any:
    """Arguments without traced numbers, rebuilding only what holds one."""
    if isinstance(value, (Traced, Deferring)):
        return plain(value)
    if isinstance(value, slice):
        return slice(*(plain_arguments(item) for item in (value.start, value.stop, value.step)))
    if isinstance(value, torch.Size):
        return torch.Size(plain(item) for item in value)
    if type(value) in (tuple, list):
        return type(value)(plain_arguments(item) for item in value)
    if type(value) is dict:
        return {key: plain_arguments(item) for key, item in value.items()}
    return value


def plain_value(value: Any) -> Any:
    return (
        plain(value)
        if isinstance(value, (bool, int, float, complex, str))
        else type(value).__name__
    )


def literal(value: Any) -> Any:
    """A number or a text of a class of its own (a member of an IntEnum, numpy's float64) as the plain
    one that it is.
    """
    plain: tuple[Any, ...] = (bool, int, float, complex)
    if isinstance(value, str):
        return value if type(value) is str else str.__str__(value)
    kind = next((kind for kind in plain if isinstance(value, kind)), None)
    return value if kind is None or type(value) is kind else kind(value)
