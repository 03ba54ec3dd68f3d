"""Maps over numbers of what torch computes number by number anyway: `torch.vmap(torch.sin)(x)` is
`torch.sin(x)`.

So are the masks of attention, of maps in maps over indices: along an axis of its own for each,
`query[:, None] >= key`. Whether it is so is tried: the function is given all numbers at once, and
has to give what the map gives, for other numbers too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import CodeType
from typing import Any

import torch
from torch import Tensor
from torch._functorch import apis
from torch.utils import _pytree as pytree

from unfoldify.recording.numbers.traced import plain
from unfoldify.recording.transforms.words import words

MAP_CODES: tuple[CodeType, ...] = tuple(  # of what `vmap` returns
    code
    for code in apis.vmap.__code__.co_consts
    if isinstance(code, CodeType) and code.co_name == "wrapped"
)


@dataclass(frozen=True)
class Mapping:
    """A map, or the map that a map is of."""

    func: Callable[..., Any]
    in_dims: Any
    out_dims: Any
    randomness: str


def all_at_once(recorder: Any, original: Any, outer: Mapping, args: tuple[Any, ...]) -> Any:
    """What the maps give, computed for all numbers at once; None where that is something else."""
    maps = [outer]
    while (inner := inner_map(maps[-1].func)) is not None:
        maps.append(inner)
    leaves, spec = pytree.tree_flatten(args)
    axes = axes_of(maps, leaves, spec)
    if axes is None or any(each.out_dims != 0 or each.randomness != "error" for each in maps):
        return None

    names = words(maps[-1].func, args)

    def spread_out(values: list[Any]) -> Any:
        placed = list(values)
        for index, axis in enumerate(axes):
            behind = 0 if axis is None else len(maps) - 1 - axis
            if behind:
                placed[index] = values[index][(slice(None), *[None] * behind)]
                recorder.named(placed[index], names[index])
        return maps[-1].func(*pytree.tree_unflatten(placed, spec))

    with recorder.pause():
        for values in (leaves, [redrawn(leaf) for leaf in leaves]):
            try:
                given = pytree.tree_unflatten(values, spec)
                want = original(outer.func, outer.in_dims, 0, "error", None, *given)
                if not is_same(spread_out(values), want):
                    return None
            except Exception:  # the function wants single numbers; what is wrong else, a map says
                return None
        shapes = [tuple(whole.shape) for whole in pytree.tree_leaves(want)]
    lengths = [leaves[axes.index(axis)].shape[0] for axis in range(len(maps))]
    values, structure = pytree.tree_flatten(spread_out(leaves))
    return pytree.tree_unflatten(map(partial(grown, lengths), values, shapes), structure)


def inner_map(func: Any) -> Mapping | None:
    """The map that a function is."""
    if getattr(func, "__code__", None) not in MAP_CODES:
        return None
    cells = zip(func.__code__.co_freevars, func.__closure__, strict=True)
    known = {name: cell.cell_contents for name, cell in cells}
    return Mapping(*(known[name] for name in ("func", "in_dims", "out_dims", "randomness")))


def axes_of(
    maps: list[Mapping], leaves: list[Any], spec: pytree.TreeSpec
) -> list[int | None] | None:
    """Which of the maps goes over each leaf, all of which are lists of numbers; None for others."""
    found: list[int | None] = [None] * len(leaves)
    for axis, each in enumerate(maps):
        dims = pytree._broadcast_to_and_flatten(each.in_dims, spec)
        for index, dim in enumerate(dims or [0] * len(leaves)):
            if dim is None:
                continue
            is_list = isinstance(leaves[index], Tensor) and len(leaves[index].shape) == 1
            if dim not in (0, -1) or found[index] is not None or not is_list:
                return None
            found[index] = axis
    return found


def redrawn(leaf: Any) -> Any:
    """Other numbers of the same kind, where any will do; not drawn, as the model may draw itself."""
    is_float = isinstance(leaf, Tensor) and leaf.is_floating_point()
    return leaf.roll(1) * 0.7 + 0.3 if is_float else leaf


def is_same(found: Any, want: Any) -> bool:
    """Whether two structures hold the same numbers, but for axes along which nothing changes."""
    values, structure = pytree.tree_flatten(found)
    wanted, other = pytree.tree_flatten(want)
    return bool(structure == other) and all(map(is_same_tensor, values, wanted))


def is_same_tensor(value: Any, whole: Tensor) -> bool:
    if not isinstance(value, Tensor) or value.dtype != whole.dtype:
        return False
    value = value.expand(whole.shape)
    is_inexact = whole.is_floating_point() or whole.is_complex()
    return torch.allclose(value, whole, equal_nan=True) if is_inexact else torch.equal(value, whole)


def grown(lengths: list[int], value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A value along all axes of the maps, also those whose numbers do not go into it."""
    if tuple(map(plain, value.shape)) == shape:
        return value
    own = len(shape) - len(lengths)
    return value.expand(*lengths, *value.shape[len(value.shape) - own :])
