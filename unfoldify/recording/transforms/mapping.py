"""`torch.vmap(f)(x)` → `torch.stack([f(item) for item in x])`, for any axes and any structure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._functorch import vmap as machinery
from torch.utils import _pytree as pytree

from unfoldify.errors import CaptureError
from unfoldify.recording.source import users_place
from unfoldify.recording.transforms.recording_only import while_recorded
from unfoldify.recording.transforms.words import words


def recorded_mapping() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """What every `vmap` comes to, also one that was made before."""
    original = machinery.vmap_impl
    yield original, while_recorded(original, partial(one_by_one, original))


def one_by_one(
    original: Callable[..., Any],
    recorder: Any,
    func: Callable[..., Any],
    in_dims: Any,
    out_dims: Any,
    randomness: str,
    chunk_size: int | None,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """The function of each item, stacked. A chunk size is about memory, and changes nothing."""
    with recorder.pause():  # what is wrong with the arguments, torch says
        size, dims, leaves, spec = machinery._process_batched_inputs(in_dims, args, func)
        before = torch.default_generator.get_state()
    if not size:  # no item shows what is done with one
        return original(func, in_dims, out_dims, randomness, chunk_size, *args, **kwargs)
    columns: list[Any] = []
    for leaf, dim, word in zip(leaves, dims, words(func, args), strict=True):
        columns.append([leaf] * size if dim is None else leaf.unbind(dim))
        for item in columns[-1] if dim is not None else ():
            recorder.named(item, word)
    rounds: list[list[Any]] = []
    for index in range(size):
        with recorder.round():
            items = pytree.tree_unflatten([column[index] for column in columns], spec)
            outputs = func(*items, **kwargs)
        found, structure = pytree.tree_flatten(outputs)
        rounds.append(found)
    with recorder.pause():
        drew = not torch.equal(before, torch.default_generator.get_state())
    if drew:
        refuse_draws(recorder, randomness)
    axes = out_axes(out_dims, outputs, structure)
    pairs = [(leaf, dim) for leaf, dim in zip(leaves, dims, strict=True) if dim is not None]
    results = [
        together(recorder, list(values), axis, *pairs[0])
        for values, axis in zip(zip(*rounds, strict=True), axes, strict=True)
    ]
    return pytree.tree_unflatten(results, structure)


def out_axes(out_dims: Any, outputs: Any, structure: pytree.TreeSpec) -> list[int | None]:
    """Where each output has its new axis."""
    if isinstance(outputs, Tensor) and isinstance(out_dims, tuple) and len(out_dims) == 1:
        return list(out_dims)
    axes = pytree._broadcast_to_and_flatten(out_dims, structure)
    if axes is None:
        raise ValueError(f"out_dims={out_dims} of vmap does not fit what the function returns")
    return axes


def together(recorder: Any, values: list[Any], axis: int | None, mapped: Tensor, dim: int) -> Any:
    """One tensor of what all rounds gave; without an axis it is the same in each."""
    first = values[0]
    if axis is None:
        return first
    if not isinstance(first, Tensor):
        raise ValueError(f"vmap: the function must only return tensors, got type {type(first)}")
    if axis == 0 and all(value is first for value in values):
        length = mapped.shape[dim]
        recorder.value_node(length).args[0].meta[
            "positions"
        ] = ()  # no `b, n = x.shape` of the user's
        return first.expand(length, *first.shape)
    return torch.stack(values) if axis == 0 else torch.stack(values, dim=axis)


def refuse_draws(recorder: Any, randomness: str) -> None:
    """What is drawn for all items at once is not what is drawn for each in its turn."""
    if randomness == "error":
        raise RuntimeError("vmap: the function draws numbers, and randomness='error' forbids it")
    raise CaptureError(
        f"{users_place(recorder.positions())}numbers are drawn inside vmap, for all items in one "
        "draw: written item by item, others would be drawn.\nDraw them before vmap (for dropout, a mask) "
        "and hand them over as an argument of the function, or unfoldify the modules around it."
    )
