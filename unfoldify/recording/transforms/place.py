"""A function, called at copies of the arguments that it is differentiated by.

What else is computed from an argument is not part of the derivative, and gradients flow on through
the copy to where the argument came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch._functorch import eager_transforms as machinery
from torch.utils import _pytree as pytree

from unfoldify.recording.transforms.differentiation import Differentiation
from unfoldify.recording.transforms.words import words

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Place:
    """What a function gave, and what it is differentiated by, each flat and with its structure."""

    taken: Differentiation
    result: Any
    aux: Any
    outputs: list[Tensor]
    structure: pytree.TreeSpec
    inputs: list[Tensor]
    shape: pytree.TreeSpec

    def of_inputs(self, slopes: list[Tensor]) -> Any:
        """One value for each input, in their structure."""
        return pytree.tree_unflatten(slopes, self.shape)

    def of_outputs(self, values: list[Any]) -> Any:
        return pytree.tree_unflatten(values, self.structure)

    def outside(self, value: Any) -> Any:
        """A value that the function computed, as it is handed out."""
        if self.taken.further:
            return value
        return pytree.tree_map_only(Tensor, lambda tensor: tensor.detach(), value)

    def settle(self) -> None:
        self.taken.settle(self.inputs)


def call_at_place(
    recorder: Any,
    func: Callable[..., Any],
    args: tuple[Any, ...],
    argnums: int | tuple[int, ...] | None = None,
    *,
    kwargs: Mapping[str, Any] = NOTHING,
    has_aux: bool = False,
    further: bool | None = None,
) -> Place:
    """Calls a function, with gradients whatever the mode around it is.

    It is differentiated by the arguments with the numbers `argnums`, or by all. Where the model has
    switched gradients off, it wants none of what comes out, unless `further` says otherwise.
    """
    if further is None:
        further = torch.is_grad_enabled() or not recorder.grad_mode
    taken = Differentiation(recorder, further)
    numbers = tuple(range(len(args))) if argnums is None else argnums
    machinery._slice_argnums(args, numbers)  # what is wrong with the numbers, torch says
    chosen = [n % len(args) for n in ([numbers] if isinstance(numbers, int) else numbers)]
    names = iter(words(func, args))
    moved: list[Any] = []
    with torch.enable_grad():
        for index, arg in enumerate(args):
            leaves, spec = pytree.tree_flatten(arg)
            pairs = [(leaf, next(names)) for leaf in leaves]
            if index in chosen:
                leaves = [taken.place(leaf, word) for leaf, word in pairs]
            moved.append(pytree.tree_unflatten(leaves, spec))
        result, aux = func(*moved, **kwargs), None
    if has_aux:
        result, aux = result
    wanted = tuple(moved[number] for number in chosen)
    outputs, structure = pytree.tree_flatten(result)
    taken.named_outputs(outputs)
    inputs, shape = pytree.tree_flatten(wanted[0] if isinstance(numbers, int) else wanted)
    return Place(taken, result, aux, outputs, structure, inputs, shape)
