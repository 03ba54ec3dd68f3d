"""What the rounds take one by one: the items of a sequence, of a part of it, or values in a row."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from unfoldify.recording.regular import as_range

Part = tuple[int | None, int | None, int | None]
WHOLE: Part = (None, None, None)


@dataclass(frozen=True)
class Item:
    """The round's item of a sequence: of `xs`, of `xs[1:]`, of `xs[::-1]`."""

    sequence: fx.Node
    part: Part
    first: fx.Node  # the first round's


@dataclass(frozen=True)
class OneOf:
    """The round's of several values that are in no sequence: `for x in (a, b, c)`."""

    values: tuple[Any, ...]
    kind: type  # 1 and 1.0 are equal, and not the same


def item_of(values: list[Any]) -> Item | None:
    """The slot for items that are taken in a row, from the front or from the back."""
    first = values[0]
    if any(v.op != "call_function" or v.target is not operator.getitem for v in values):
        return None
    if any("kept" in v.meta for v in values):
        return None  # what a loop before hands on is there one by one, not as one sequence
    sequence, keys = first.args[0], [v.args[1] for v in values]
    if not isinstance(sequence, fx.Node) or any(v.args[0] is not sequence for v in values):
        return None
    length = sequence.meta.get("length", sequence.meta.get("count"))
    if length is None or not all(type(key) is int for key in keys):
        return None
    part = part_of(keys, length)
    if part is None or (part != WHOLE and is_of_rows(first)):
        return None
    return Item(sequence, part, first)


def is_of_rows(value: Any) -> bool:
    """Whether a value is one of the rows of a tensor: of a longer one there would be more."""
    sequence = value.args[0] if isinstance(value, fx.Node) and value.args else None
    return isinstance(sequence, fx.Node) and sequence.target in ("unbind", torch.unbind)


def part_of(keys: list[int], length: int) -> Part | None:
    """The slice that gives the items of these numbers, in their order."""
    numbers = as_range(keys)
    if numbers is None or min(keys) < 0:
        return None
    step, end = numbers.step, numbers.stop
    if len(keys) == 2 and step != 1 and sorted((*keys, length - 1)) not in ([0, 1, 1], [0, 1, 2]):
        return None  # any two numbers would do, but for the first ones
    if step > 0:
        return keys[0] or None, None if end >= length else keys[-1] + 1, step if step > 1 else None
    return None if keys[0] == length - 1 else keys[0], None if end < 0 else end, step
