"""Which sizes of the inputs a model leaves free, found by giving it inputs of other sizes."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from unfoldify import nesting
from unfoldify.effort import PATIENCE, Counting
from unfoldify.preserve import Snapshot, preserved, seed_everything, silenced, uncompiled
from unfoldify.recording.exits import exits_seen
from unfoldify.recording.lazy import copied
from unfoldify.recording.unchecked import UNCHECKED

LARGE = 1 << 21  # numbers in all inputs from which on even a batch of 8 is worth making smaller
_NEAR = 4  # how far apart two sizes may be for one to be taken for the other and a bit
ROOM = 1 << 30  # bytes for one value while models are compared; float64 takes twice that


@dataclass(frozen=True, order=True)
class Dim:
    """One axis of one input tensor: `x`, axis 2, size 32."""

    path: str
    axis: int
    size: int


@dataclass(frozen=True)
class Group:
    """Dims that move together to one new size."""

    dims: tuple[Dim, ...]
    size: int


@dataclass(frozen=True)
class SizeVariant:
    """Inputs of other sizes that the model accepts; `build` makes them."""

    groups: tuple[Group, ...]
    model: nn.Module = field(repr=False, compare=False)
    args: tuple[Any, ...] = field(repr=False, compare=False)
    kwargs: Mapping[str, Any] = field(repr=False, compare=False)

    def build(self, seed: int = 0) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """New arguments: floats drawn like the example's, everything else taken from its values."""
        sizes = {(dim.path, dim.axis): group.size for group in self.groups for dim in group.dims}
        generator = torch.Generator().manual_seed(seed)

        def resized(path: str, tensor: Tensor) -> Tensor:
            return _redrawn(_tiled(tensor, path, sizes), tensor, generator)

        return nesting.rebuilt_call(self.model, self.args, self.kwargs, resized)

    @property
    def cost(self) -> float:
        """How much there is to compute with these sizes, as a part of the example's, about."""
        return math.prod(group.size / group.dims[0].size for group in self.groups)

    def farther(self) -> Iterator[SizeVariant]:
        """The same dims at about twice their size, where they are not far from the example's.

        Strides round: of 16 and 17 pixels, a layer may make 4 of either. The second variant gives
        dims of one size the same new one.
        """
        for distinct in (True, False):
            taken: set[int] = set()
            groups = []
            for group in self.groups:
                n, size = group.dims[0].size, group.size
                if n >= 3 and n < size < 2 * n:
                    size = 5 * n // 2 if distinct and 2 * n in taken else 2 * n
                taken.add(size)
                groups.append(Group(group.dims, size))
            found = SizeVariant(tuple(groups), self.model, self.args, self.kwargs)
            if found.groups != self.groups:
                yield found

    @property
    def description(self) -> str:
        """The new shapes, one for each input that changes: `x: 3x3x33x34`."""
        moved = {dim.path for group in self.groups for dim in group.dims}
        args, kwargs = self.build()
        shapes = nesting.tensors_of_call(self.model, args, kwargs)
        return ", ".join(f"{path}: {shape(t)}" for path, t in shapes if path in moved)


def cheapest(
    args: Sequence[Any], kwargs: Mapping[str, Any], variants: Sequence[SizeVariant]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with the least to compute: the example's, or those of another size."""
    best = min(variants, key=lambda variant: variant.cost, default=None)
    if best is None or best.cost >= 1:
        return tuple(args), dict(kwargs)
    return best.build()


def affordable(variants: Sequence[SizeVariant], largest: int) -> tuple[SizeVariant, ...]:
    """Those at which the largest intermediate value still has room, going by its size in bytes here.

    A product has as many elements as all of its axes together: many small axes that grow at once
    make it grow a hundred thousand times, and those that a kernel stretches grow twice.
    """
    room = max(4 * largest, ROOM)

    def growth(variant: SizeVariant) -> float:
        return variant.cost if variant.cost < 64 else variant.cost**2

    return tuple(variant for variant in variants if growth(variant) * largest <= room)


def shape(tensor: Tensor) -> str:
    """`2x3x32x32`; a scalar is `()`."""
    return "x".join(map(str, tensor.shape)) or "()"


def free_sizes(
    model: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    max_seconds: float = 10.0,
) -> tuple[SizeVariant, ...]:
    """One variant for each group of dims that the model lets move, and last all groups at once.

    The model runs in evaluation mode, without gradients if it can, and comes back as it was. A dim that
    is not accepted alone is tried together with others of its size (a batch in two inputs, both
    sides of a mask). What is not found within `max_seconds`, by what the runs compute, counts as not
    free.
    """
    args, kwargs = tuple(args), dict(kwargs or {})
    with preserved(model), silenced(), uncompiled(), torch.no_grad():
        trial = _Trial(model, args, kwargs, max_seconds)
        if not trial.accepts(()):
            torch.set_grad_enabled(True)  # a model that differentiates, perhaps
            if not trial.accepts(()):
                return ()
        groups = _free_groups(trial)
        alone = tuple(SizeVariant((group,), model, args, kwargs) for group in groups)
        together: tuple[Group, ...] = ()
        for group in groups:  # what cannot move at the same time (an image kept square) stays out
            if not together or trial.accepts((*together, group)):
                together = (*together, group)
    if len(together) < 2:
        return alone
    return (*alone, SizeVariant(together, model, args, kwargs))


class Watched(Counting):
    """Looks at what torch does not: some kernels read beyond arguments that do not fit, and write
    there, and those of sparse tensors trust their indices.
    """

    def __init__(self) -> None:
        super().__init__()
        self.invariants = torch.sparse.check_sparse_tensor_invariants()  # type: ignore[no-untyped-call]

    def __enter__(self) -> Any:
        self.invariants.__enter__()  # type: ignore[no-untyped-call]
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)  # type: ignore[no-untyped-call]
        self.invariants.__exit__(*raised)  # type: ignore[no-untyped-call]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in UNCHECKED:
            UNCHECKED[func](*args, **(kwargs or {}))
        return super().__torch_function__(func, types, args, kwargs)


class _Trial:
    """Runs the model at other sizes until it has taken its time."""

    def __init__(
        self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], max_seconds: float
    ) -> None:
        self.model, self.args, self.kwargs, self.left = model, args, kwargs, max_seconds
        self.deadline = time.monotonic() + PATIENCE * max_seconds
        model.eval()
        self.snapshot = Snapshot(model)
        found = nesting.tensors_of_call(model, args, kwargs)
        tensors = [(path, t) for path, t in found if t.layout is torch.strided]
        self.dims = [Dim(path, a, n) for path, t in tensors for a, n in enumerate(t.shape) if n]
        numbers = sum(t.numel() for _, t in tensors)
        self.shorten = 8 if numbers > LARGE else 64  # a batch of large images is made smaller

    def accepts(self, groups: tuple[Group, ...]) -> bool:
        if groups and (self.left <= 0 or time.monotonic() > self.deadline):
            return False
        args, kwargs = SizeVariant(groups, self.model, self.args, self.kwargs).build()
        seed_everything(0)
        watched = Watched()
        try:
            with watched, exits_seen():
                self.model(*args, **kwargs)
        except Exception:
            return False
        finally:
            self.left -= watched.effort
            self.snapshot.restore(thorough=False)
        return True


def _free_groups(trial: _Trial) -> tuple[Group, ...]:
    groups: list[Group] = []
    settled: set[Dim] = set()
    for dim in trial.dims:
        found = None if dim in settled else _free_group(trial, dim, settled, groups)
        if found is not None:
            groups.append(found)
            settled.update(found.dims)
    return tuple(groups)


def _free_group(
    trial: _Trial, dim: Dim, settled: set[Dim], groups: Sequence[Group]
) -> Group | None:
    open_dims = [other for other in trial.dims if other not in settled]
    taken = {group.size for group in groups} | {other.size for other in trial.dims}
    sizes = candidates(dim.size, taken, shorten=trial.shorten)
    sizes.sort(key=lambda size: _rank(dim.size, size, taken, groups))
    for dims in _companions(dim, open_dims):
        for size in sizes:
            if trial.accepts((Group(dims, size),)):
                return Group(dims, size)
    return None


def _rank(n: int, size: int, taken: set[int], groups: Sequence[Group]) -> int:
    """Sizes that tell a dim from others first, unless they cost much more than those that do not.

    A dim may stay a little longer than another, or so many times as long: 4 steps of 2 images, then
    5 of 3, or 6 of 3. Nobody could tell then whether a loop over `n - 1` steps is one over the
    images and one more.
    """
    if size > 2 * n + _NEAR:
        return 3
    others = [(group.dims[0].size, group.size) for group in groups]
    if any(0 < abs(n - other) <= _NEAR and size - n == new - other for other, new in others):
        return 2
    return int(size in taken or any(size * other == n * new for other, new in others))


def _companions(dim: Dim, dims: Sequence[Dim]) -> Iterator[tuple[Dim, ...]]:
    """Which dims may have to move with this one: from none to all that have its size."""
    equal = [other for other in dims if other.size == dim.size]
    options = (
        [dim],
        [other for other in equal if other.axis == dim.axis],
        [other for other in equal if other.path == dim.path],
        [other for other in equal if other.path != dim.path or other == dim],
        equal,
    )
    yield from dict.fromkeys(map(tuple, options))


def candidates(n: int, taken: set[int], shorten: int = 64) -> list[int]:
    """Other sizes to try for a dim of size n, those that no other dim has first.

    Neighbours find what only holds by accident of the example; multiples suit networks that halve
    their input several times; dims from `shorten` on are made shorter, which is cheaper.
    """
    neighbours = [n + 1, n + 2, n + 3]
    coarser = [n // 2, n + 4, n + 8, n + 16, n + 32, 2 * n, 3 * n // 4, n - 1]
    shorter = [n // 7 + 1, n // 7 + 3] if n >= shorten else []
    shorter += [n // 4 + 1, n // 4 + 3, n // 2 + 1, n // 4, n // 2, 3 * n // 4]
    sizes = [*shorter, *neighbours, *coarser] if n >= shorten else [*neighbours, *coarser]
    distinct = [size for size in dict.fromkeys(sizes) if size > 1 and size != n]
    return sorted(distinct, key=lambda size: size in taken)  # stable: otherwise in this order


def _tiled(tensor: Tensor, path: str, sizes: Mapping[tuple[str, int], int]) -> Tensor:
    """The tensor cut or repeated to its new sizes, so that masks and indices stay sensible."""
    for axis in range(tensor.ndim):
        size = sizes.get((path, axis), tensor.shape[axis])
        if size != tensor.shape[axis]:
            index = torch.arange(size, device=tensor.device) % tensor.shape[axis]
            tensor = tensor.index_select(axis, index)
    return tensor


def _redrawn(tiled: Tensor, example: Tensor, generator: torch.Generator) -> Tensor:
    """Another draw where any number will do, the tiled example where the values mean something."""
    if tiled is example:  # its size stays; a copy, since models write to their inputs
        return copied(example)
    if tiled.is_meta or not tiled.numel():
        return tiled
    if example.is_complex():
        parts = torch.view_as_real(tiled.resolve_conj()), torch.view_as_real(example.resolve_conj())
        return torch.view_as_complex(_redrawn(*parts, generator).contiguous())
    values = example.detach().cpu().flatten()
    if _means_something(values):
        return tiled
    low, high = values[torch.randint(len(values), (2, *tiled.shape), generator=generator)]
    if example.is_floating_point():
        low = low.lerp(high, torch.rand(tiled.shape, generator=generator).to(values.dtype))
    new: Tensor = low.to(example.device)
    return new


def _means_something(values: Tensor) -> bool:
    """Masks, flags, positions and the like, which a random draw would make senseless."""
    if values.dtype is torch.bool or len(values) < 2:
        return True
    if values.is_floating_point() and bool((values.isinf() | (values == values.round())).all()):
        return True
    return bool((values[1:] >= values[:-1]).all())
