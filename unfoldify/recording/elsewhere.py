"""Inputs of other sizes, for what does not run at the example's where a size's answer is turned.

Of 7 pixels an odd one is left over, and what pads it must: to see what the model does without the pad
it takes 8 of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from typing import Any

from torch import nn

from unfoldify import nesting
from unfoldify.recording.sizes import Group, SizeVariant

MOST = 8  # sizes that are tried for one answer
MOST_IN_ALL = 96  # for all answers, in both modes and wherever the model is looked at
NEAR = 3  # how far from a size another remainder is looked for

Call = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass
class Elsewhere:
    """Which dims of the inputs may move, and the numbers that sizes were compared with."""

    model: nn.Module
    variants: Sequence[SizeVariant] = ()
    asked: Collection[int] = field(default_factory=frozenset)
    left: int = MOST_IN_ALL

    def calls(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Call]:
        """The same inputs with one size moved, the nearest first; the dims take turns."""
        shapes = {p: t.shape for p, t in nesting.tensors_of_call(self.model, args, kwargs)}
        turns = zip_longest(*(self.moved(group, shapes) for group in self.groups()))
        found = (each for each in chain.from_iterable(turns) if each is not None)
        for each in islice(found, MOST):
            if not self.left:
                return
            self.left -= 1
            yield SizeVariant((each,), self.model, tuple(args), dict(kwargs)).build()

    def groups(self) -> list[Group]:
        return [variant.groups[0] for variant in self.variants if len(variant.groups) == 1]

    def moved(self, group: Group, shapes: Mapping[str, Sequence[int]]) -> list[Group]:
        """Other sizes of dims than they have: the example's, and those around the numbers asked for."""
        first = group.dims[0]
        size = shapes[first.path][first.axis]
        around = {size + by for by in range(1, NEAR + 1)}
        around |= {number + by for number in self.asked for by in (-1, 0, 1)}
        near = sorted(around, key=lambda number: (abs(number - size), number))
        others = dict.fromkeys((first.size, *near))
        return [Group(group.dims, number) for number in others if number > 0 and number != size]
