"""The einops notation in plain torch: unflatten, squeeze, permute, unsqueeze, expand, flatten.

Each function answers what its einops namesake answers, by the fewest calls; steps that would
change nothing are left out, and no size is read that the call can leave open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from einops.parsing import AnonymousAxis, ParsedExpression
from torch import Tensor

Axis = Any  # a name, an `AnonymousAxis`, or (name, position) for a part of the ellipsis
Groups = list[list[Axis]]
DOTS = "…"


class Step(NamedTuple):
    """One call of a tensor's method."""

    method: str
    args: tuple[Any, ...]


def rearrange(tensor: Tensor | Sequence[Tensor], pattern: str, **sizes: int) -> Tensor:
    """`einops.rearrange`"""
    x = tensor if isinstance(tensor, Tensor) else torch.stack(list(tensor))
    left, right = _paired(*_sides(pattern, x.dim()))
    steps = _split(left, sizes)
    steps += _moved(_flat(left), [axis for axis in _flat(right) if axis in _flat(left)])
    return _applied(x, [*steps, *_ones(right), *_merged(right)])


def repeat(tensor: Tensor | Sequence[Tensor], pattern: str, **sizes: int) -> Tensor:
    """`einops.repeat`"""
    x = tensor if isinstance(tensor, Tensor) else torch.stack(list(tensor))
    left, right = _sides(pattern, x.dim())
    given = _flat(left)
    left, right = _paired(left, right)
    own = _flat(left)
    steps = _split(left, sizes)
    steps += _moved(own, [axis for axis in _flat(right) if axis in own])
    new = [axis not in own for axis in _flat(right)]
    if any(new):
        steps.append(_unsqueezed(new))
    grown = [axis not in given and not isinstance(axis, One) for axis in _flat(right)]
    if any(grown):
        counts = [_size(a, sizes) if n else -1 for a, n in zip(_flat(right), grown, strict=True)]
        steps.append(Step("expand", tuple(counts)))
    return _applied(x, [*steps, *_ones(right), *_merged(right)])


def reduce(
    tensor: Tensor | Sequence[Tensor],
    pattern: str,
    reduction: str | Callable[[Tensor, tuple[int, ...]], Tensor],
    **sizes: int,
) -> Tensor:
    """`einops.reduce`"""
    x = tensor if isinstance(tensor, Tensor) else torch.stack(list(tensor))
    left, right = _sides(pattern, x.dim())
    own, kept = _flat(left), _flat(right)
    x = _applied(x, _split(left, sizes))
    dims = tuple(i for i, axis in enumerate(own) if axis not in kept)
    if dims:
        x = _reduced(x, reduction, dims)
    left_over = [axis for axis in own if axis in kept]
    return _applied(x, [*_moved(left_over, kept), *_ones(right), *_merged(right)])


def einsum(*tensors_and_pattern: Any) -> Tensor:
    """`einops.einsum`, by one letter for each axis"""
    *tensors, pattern = tensors_and_pattern
    letters: dict[str, str] = {}
    sides = pattern.split("->")
    terms = [_lettered(term, letters) for term in sides[0].split(",")]
    equation = ",".join(terms) + "->" + _lettered(sides[1], letters)
    return torch.einsum(equation, *tensors)


def _lettered(term: str, letters: dict[str, str]) -> str:
    """`b c_in` → "bc": the first letter of each name that is still free."""
    for name in term.split():
        if name != "..." and name not in letters:
            candidates = (*filter(str.isalpha, name), *"abcdefghijklmnopqrstuvwxyz", *"ABCDEFGHIJK")
            letters[name] = next(c for c in candidates if c not in letters.values() and c.isascii())
    return "".join("..." if name == "..." else letters[name] for name in term.split())


def _sides(pattern: str, rank: int) -> tuple[Groups, Groups]:
    """The groups of axes on both sides; the ellipsis is one axis for each dimension it is."""
    left, right = (ParsedExpression(side) for side in pattern.split("->"))
    named = sum(1 for group in left.composition if group != DOTS)
    dots = [(DOTS, i) for i in range(rank - named)]
    return _groups(left, dots), _groups(right, dots)


def _groups(side: ParsedExpression, dots: list[Axis]) -> Groups:
    groups: Groups = []
    for group in side.composition:
        if group == DOTS:
            groups.extend([axis] for axis in dots)
        else:
            parts: Iterable[Axis] = group
            groups.append([a for part in parts for a in (dots if part == DOTS else [part])])
    return groups


class One(NamedTuple):
    """A dimension of one that stays where it is."""

    number: int


def _paired(left: Groups, right: Groups) -> tuple[Groups, Groups]:
    """Both sides, where a dimension of one that can stay, or grow, is an axis like any other."""
    left, right = list(left), list(right)
    known = _flat(left)
    for i, group in enumerate(left):
        if group:
            continue
        for j, other in enumerate(right):
            free = not other or (len(other) == 1 and other[0] not in _flat(left))
            if free and _before(left, i, known) == _before(right, j, known):
                left[i] = right[j] = other or [One(i)]
                break
    return left, right


def _before(groups: Groups, at: int, known: list[Axis]) -> Axis | None:
    """The last axis of the input in front of a dimension."""
    return next((axis for axis in reversed(_flat(groups[:at])) if axis in known), None)


def _flat(groups: Groups) -> list[Axis]:
    return [axis for group in groups for axis in group]


def _split(left: Groups, sizes: dict[str, int]) -> list[Step]:
    """Composite dimensions taken apart, last one first, then dimensions of one taken away."""
    steps = []
    for dim in reversed(range(len(left))):
        if len(left[dim]) > 1:
            parts = tuple(_size(axis, sizes, -1) for axis in left[dim])
            steps.append(Step("unflatten", (dim, parts)))
    counts = [max(len(group), 1) for group in left]
    empty = tuple(sum(counts[:dim]) for dim, group in enumerate(left) if not group)
    if empty:
        steps.append(Step("squeeze", (empty if len(empty) > 1 else empty[0],)))
    return steps


def _size(axis: Axis, sizes: dict[str, int], default: int | None = None) -> int:
    if isinstance(axis, AnonymousAxis):
        return int(axis.value)
    found = sizes.get(axis, default)
    if found is None:
        raise ValueError(f"the size of axis {axis!r} is not given")
    return found


def _moved(before: list[Axis], after: list[Axis]) -> list[Step]:
    """One permutation, or a transposition where only two dimensions change places."""
    order = tuple(before.index(axis) for axis in after)
    changed = tuple(dim for dim, source in enumerate(order) if dim != source)
    if len(changed) == 2:
        return [Step("transpose", changed)]
    return [Step("permute", order)] if changed else []


def _ones(right: Groups) -> list[Step]:
    """New dimensions of one."""
    new = [mark for group in right for mark in ([False] * len(group) if group else [True])]
    return [_unsqueezed(new)] if any(new) else []


def _unsqueezed(new: list[bool]) -> Step:
    if new.count(True) == 1:
        at = new.index(True)
        return Step("unsqueeze", (at if at < len(new) - 1 or at == 0 else -1,))
    index = tuple(None if mark else slice(None) for mark in new)
    while len(index) > 1 and index[-1] == slice(None):
        index = index[:-1]
    return Step("__getitem__", (index,))


def _merged(right: Groups) -> list[Step]:
    """Groups of several axes made one dimension, last one first."""
    counts = [max(len(group), 1) for group in right]
    starts = [sum(counts[:dim]) for dim in range(len(right))]
    return [
        Step("flatten", (starts[dim], starts[dim] + len(right[dim]) - 1))
        for dim in reversed(range(len(right)))
        if len(right[dim]) > 1
    ]


def _reduced(x: Tensor, reduction: Any, dims: tuple[int, ...]) -> Tensor:
    dim = dims if len(dims) > 1 else dims[0]
    if callable(reduction):
        result: Tensor = reduction(x, dims)
        return result
    if reduction in ("max", "min"):
        return x.amax(dim=dim) if reduction == "max" else x.amin(dim=dim)
    if reduction in ("sum", "mean"):
        return x.sum(dim=dim) if reduction == "sum" else x.mean(dim=dim)
    for each in reversed(dims):
        x = getattr(x, reduction)(dim=each)
    return x


def _applied(x: Tensor, steps: Sequence[Step]) -> Tensor:
    """The calls in order, each inside the next: one expression to a reader."""
    if not steps:
        return x
    step = steps[0]
    if step.method == "__getitem__":
        return _applied(x[step.args[0]], steps[1:])
    return _applied(getattr(x, step.method)(*step.args), steps[1:])
