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
from unfoldify.recording.source import Position, users_place
from unfoldify.recording.transforms.broadcast import Mapping, all_at_once
from unfoldify.recording.transforms.imagined import with_second, without_second
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
    outer = Mapping(func, in_dims, out_dims, randomness)
    at_once = None if kwargs else all_at_once(recorder, original, outer, args)
    if at_once is not None:
        return at_once
    batch = Batch(recorder, recorder.positions(), leaves, dims, words(func, args))
    rounds: list[list[Any]] = []
    for items in zip(*batch.columns, strict=True):
        with recorder.round(batch.place):
            outputs = call(batch, func, pytree.tree_unflatten(items, spec), kwargs)
        found, structure = pytree.tree_flatten(outputs)
        rounds.append(found)
    with recorder.pause():
        drew = not torch.equal(before, torch.default_generator.get_state())
    if drew:
        refuse_draws(recorder, randomness)
    axes = out_axes(out_dims, outputs, structure)
    results = [
        batch.together(values, axis)
        for values, axis in zip(zip(*rounds, strict=True), axes, strict=True)
    ]
    return pytree.tree_unflatten(results, structure)


def call(batch: Batch, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """The function of one item, which must not be written to."""
    try:
        return func(*args, **kwargs)
    except RuntimeError as error:
        if "modified inplace" not in str(error):
            raise
        raise CaptureError(
            f"{users_place(batch.place)}the function writes to an item of what vmap goes over, which is "
            "a part of a whole batch: no gradients go through that.\nLet it write to a clone of its "
            "argument."
        ) from error


class Batch:
    """The leaves of what a mapped function is given, and the axes that it is mapped along."""

    def __init__(
        self,
        recorder: Any,
        place: tuple[Position, ...],
        leaves: list[Any],
        dims: list[int | None],
        names: list[str],
    ) -> None:
        self.recorder, self.place, self.leaves, self.dims = recorder, place, leaves, dims
        self.mapped = [index for index, dim in enumerate(dims) if dim is not None]
        items = {index: self.items(index, names[index]) for index in self.mapped}
        self.rounds = len(items[self.mapped[0]])
        self.columns = [items.get(index, [leaf] * self.rounds) for index, leaf in enumerate(leaves)]

    def items(self, index: int, word: str) -> list[Tensor]:
        """The items of one leaf, under the name that the function has for them."""
        found = with_second(self.recorder, self.leaves[index].unbind(self.dims[index]))
        for item in found:
            self.recorder.value_node(item).meta["name"] = word
        return found

    def together(self, values: tuple[Any, ...], axis: int | None) -> Any:
        """One tensor of what all rounds gave; without an axis it is the same in each."""
        first = values[0]
        if axis is None:
            return first
        if not isinstance(first, Tensor):
            raise ValueError(f"vmap: the function must only return tensors, got {type(first)}")
        for index in self.mapped:
            if first is self.columns[index][0]:  # the function hands on what it is given
                leaf, dim = self.leaves[index], self.dims[index]
                return leaf if dim == axis else leaf.movedim(dim, axis)
        if axis == 0 and not self.is_made_in_round(first):
            return first.expand(self.size(), *first.shape)
        stacked = torch.stack(values) if axis == 0 else torch.stack(values, dim=axis)
        with self.recorder.pause():
            is_alone = self.rounds > self.size()
        return without_second(self.recorder, stacked, axis) if is_alone else stacked

    def is_made_in_round(self, value: Tensor) -> bool:
        node = self.recorder.value_node(value)
        return node is not None and node.meta.get("round") is self.place

    def size(self) -> int:
        """How many items there are, without the words that the user's line has for a shape."""
        index = self.mapped[0]
        length: int = self.leaves[index].shape[self.dims[index]]
        node = self.recorder.value_node(length)
        if node is not None:
            node.args[0].meta["positions"] = ()
        return length


def out_axes(out_dims: Any, outputs: Any, structure: pytree.TreeSpec) -> list[int | None]:
    """Where each output has its new axis."""
    if isinstance(outputs, Tensor) and isinstance(out_dims, tuple) and len(out_dims) == 1:
        return list(out_dims)
    axes = pytree._broadcast_to_and_flatten(out_dims, structure)
    if axes is None:
        raise ValueError(f"out_dims={out_dims} of vmap does not fit what the function returns")
    return axes


def refuse_draws(recorder: Any, randomness: str) -> None:
    """What is drawn for all items at once is not what is drawn for each in its turn."""
    if randomness == "error":
        raise RuntimeError("vmap: the function draws numbers, and randomness='error' forbids it")
    raise CaptureError(
        f"{users_place(recorder.positions())}numbers are drawn inside vmap, for all items in one "
        "draw: written item by item, others would be drawn.\nDraw them before vmap (for dropout, a mask) "
        "and hand them over as an argument of the function, or unfoldify the modules around it."
    )
