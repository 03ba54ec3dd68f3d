"""A product that is only summed need not be in memory: it is contracted at once.

`(windows * w).sum(dim=...)` is how files spell a convolution, and most of what a run of such a file
takes is to write all the products down and to read them again; its gradients are the same once more.
Here a product gets its place in memory, and is left out until somebody reads it. A sum does not read
it: it contracts the factors. What is computed is the same, but for the order in which sums round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from unfoldify.verification.redraw import is_plain

_LEAST = 1 << 14  # numbers of a product that is worth the trouble
_WIDER = 2  # times as many as either factor holds
_MUL = torch.ops.aten.mul.Tensor
_SUMS = (torch.ops.aten.sum.dim_IntList, torch.ops.aten.sum.default)


@dataclass(frozen=True)
class Promise:
    """A product of which only the place is there."""

    factors: tuple[Tensor, Tensor]  # of one shape
    storage: StorageWeakRef

    def keep(self) -> None:
        """Compute the product, if anybody still holds its place."""
        storage = torch.UntypedStorage._new_with_weak_ptr(self.storage.cdata)
        if storage is not None:
            one, other = self.factors
            place = one.new_empty(0).set_(storage).view(one.shape)
            torch.mul(one, other, out=place)

    @property
    def is_broken(self) -> bool:
        """Whether nobody holds the product's place any more."""
        return bool(self.storage.expired())  # type: ignore[no-untyped-call]

    def is_whole(self, tensor: Tensor) -> bool:
        """Whether a tensor in this memory is all of the product, in its order; other tensors may have
        come to lie there since.
        """
        is_there = not self.is_broken and tensor.dtype is self.factors[0].dtype
        return is_there and tensor.shape == self.factors[0].shape and tensor.is_contiguous()


class Promised:
    """The products that nobody has read yet."""

    def __init__(self) -> None:
        self._waiting: dict[int, Promise] = {}  # by the address of their memory

    def instead(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor | None:
        """What takes the place of a call: a promise or a contraction; None for all other calls."""
        if is_outer_product(func, args):
            return self._promise(*args)
        if func in _SUMS and self._waiting and kwargs.get("dtype") is None:
            promise = self._waiting.get(address(args[0]))
            if promise is not None and promise.is_whole(args[0]):
                return contraction(*promise.factors, *args[1:])
        return None

    def before(self, func: Any, tensors: Callable[[], Sequence[Tensor]]) -> None:
        """Compute the products that a call reads, or all of them where it may write to a factor."""
        if not self._waiting or (func.is_view and not func._schema.is_mutable):
            return
        if func._schema.is_mutable:
            self.keep()
        self.read(tensors() if self._waiting else ())

    def read(self, tensors: Sequence[Tensor]) -> None:
        for tensor in tensors:
            promise = self._waiting.pop(address(tensor), None)
            if promise is not None:
                promise.keep()

    def keep(self) -> None:
        """Compute every product whose place is held: a factor may be written to, or nobody asks again."""
        for promise in self._waiting.values():
            promise.keep()
        self._waiting.clear()

    def _promise(self, one: Tensor, other: Tensor) -> Tensor:
        for key in [key for key, each in self._waiting.items() if each.is_broken]:
            del self._waiting[key]
        self.read((one, other))  # a product of three factors is one of a product
        one, other = torch.broadcast_tensors(one.detach(), other.detach())  # type: ignore[no-untyped-call]
        place = torch.empty(one.shape, dtype=one.dtype, device=one.device)
        storage = place.untyped_storage()
        self._waiting[storage.data_ptr()] = Promise((one, other), StorageWeakRef(storage))  # type: ignore[no-untyped-call]
        return place


def is_outer_product(func: Any, args: Sequence[Any]) -> bool:
    """Whether a call makes a product that holds many times the numbers of its factors."""
    if func is not _MUL or not all(isinstance(x, Tensor) and is_plain(x) for x in args):
        return False
    one, other = args
    if one.dtype is not other.dtype or not (one.is_floating_point() or one.is_complex()):
        return False
    if one.numel() * other.numel() < _LEAST:
        return False
    count = math.prod(torch.broadcast_shapes(one.shape, other.shape))  # type: ignore[no-untyped-call]
    return count >= _LEAST and count >= _WIDER * max(held(one), held(other))


def address(tensor: Tensor) -> int:
    """Where the memory of a tensor begins; 0 where it has none."""
    return tensor.untyped_storage().data_ptr() if tensor.layout is torch.strided else 0


def held(tensor: Tensor) -> int:
    """How many numbers a tensor holds where it is not expanded."""
    sizes = zip(tensor.shape, tensor.stride(), strict=True)
    return math.prod(size for size, stride in sizes if stride)


def contraction(
    one: Tensor, other: Tensor, dims: Sequence[int] | None = None, keepdim: bool = False
) -> Tensor:
    """`(one * other).sum(dims, keepdim)` of two tensors of one shape, without the product."""
    shape = one.shape
    summed = {dim % len(shape) for dim in dims or range(len(shape))}
    (first, own), (second, its) = map(compact, (one, other))
    kept = [dim for dim in range(len(shape)) if dim not in summed]
    there = [dim for dim in kept if dim in own or dim in its]
    result = torch.einsum(first, own, second, its, there)
    times = math.prod(shape[d] for d in summed if d not in own and d not in its)
    result = result * times if times != 1 else result
    with_ones = [shape[d] if d in there else 1 for d in range(len(shape)) if keepdim or d in kept]
    wanted = [shape[d] if d in kept else 1 for d in range(len(shape)) if keepdim or d in kept]
    return result.reshape(with_ones).expand(wanted).contiguous()


def compact(tensor: Tensor) -> tuple[Tensor, list[int]]:
    """A tensor without the axes along which it does not change, and the others."""
    sizes = enumerate(zip(tensor.shape, tensor.stride(), strict=True))
    own = [dim for dim, (size, stride) in sizes if size > 1 and stride]
    return tensor[tuple(slice(None) if d in own else 0 for d in range(tensor.dim()))], own
