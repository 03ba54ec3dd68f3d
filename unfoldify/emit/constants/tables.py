"""Candidates for tensors of two and more dimensions: masks, sums, products, grids, windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isqrt

import torch
from torch import Tensor

from .bits import bits
from .frequencies import rotations, run, waves
from .numbers import (
    dtype_argument,
    dtype_argument_unless_float,
    number_text,
)

Spell = Callable[[Tensor], "str | None"]
_SHORT = 20  # characters of an expression that may be written twice


def tables(tensor: Tensor, spell: Spell) -> Iterator[str]:
    """What a table might be; `spell` finds the text of a row or a column."""
    yield from _masks(tensor)
    if tensor.is_floating_point():
        yield from _products(tensor, spell)
        yield from waves(tensor)
    elif tensor.is_complex():
        yield from rotations(tensor)
    elif tensor.dtype != torch.bool:
        yield from _sums(tensor, spell)
        yield from _diagonals(tensor)


def filled_text(number: Tensor, shape: tuple[int, ...]) -> str:
    """`torch.zeros(2, 3)`, `torch.ones(2, 3, dtype=torch.bool)`, `torch.full((2, 3), 0.5)`."""
    sizes = ", ".join(map(str, shape))
    is_zero = not bool(bits(number).ne(0).any())
    if is_zero or number == 1:
        name = "zeros" if is_zero else "ones"
        return f"torch.{name}({sizes or '()'}{dtype_argument_unless_float(number.dtype)})"
    comma = "," if len(shape) == 1 else ""
    text = number_text(number, named=True)
    return f"torch.full(({sizes}{comma}), {text}{dtype_argument(number.dtype)})"


def _masks(tensor: Tensor) -> Iterator[str]:
    """One number in a triangle or a band, zero elsewhere: what borders on the corner tells."""
    height, width = tensor.shape
    row, column = _set(tensor[0]), _set(tensor[:, 0])
    if not row and not column:
        return
    highest = row[-1] if row[:1] == [0] else -column[0] if column else width - 1
    lowest = -column[-1] if column[:1] == [0] else row[0] if row else 1 - height
    number = tensor[0, row[0]] if row else tensor[column[0], 0]
    factor = ""
    if tensor.is_floating_point() and bool((bits(tensor).ne(0) & tensor.eq(0)).any()):
        number, factor = torch.ones_like(number), f" * {number_text(number)}"
    if lowest == highest == 0 and number == 1:
        size = f"{height}" if height == width else f"{height}, {width}"
        yield f"torch.eye({size}{dtype_argument_unless_float(tensor.dtype)})"
    text = filled_text(number, tensor.shape)
    if highest < width - 1:
        text += f".tril(diagonal={highest})" if highest else ".tril()"
    if lowest > 1 - height:
        text += f".triu(diagonal={lowest})" if lowest else ".triu()"
    yield text + factor


def _set(numbers: Tensor) -> list[int]:
    """Where numbers are not zero."""
    return [int(place) for place in numbers.ne(0).nonzero().flatten().tolist()]


def _sums(tensor: Tensor, spell: Spell) -> Iterator[str]:
    """A number of the row plus a number of the column."""
    start = int(tensor[0, 0])
    down, across = tensor[:, 0] - start, tensor[0] - start
    if not torch.equal(tensor, down[:, None] + across + start):
        return
    rest = f" + {start}" if start > 0 else f" - {-start}" if start else ""
    for one, other, column, row in (
        (down, across, "[:, None]", ""),
        (across, down, "", "[:, None]"),
    ):
        if bool((one < 0).any()) or len(one) != len(other):
            continue
        name = spell(one.contiguous())
        sign = "-" if torch.equal(one, -other) else "+" if torch.equal(one, other) else None
        if name is not None and sign is not None:
            first, again = (name, name) if len(name) <= _SHORT else (f"index := {name}", "index")
            yield f"({first}){column} {sign} ({again}){row}{rest}"
    for column_part, row_part in ((down, tensor[0]), (tensor[:, 0], across)):
        name, row_name = spell(column_part.contiguous()), spell(row_part.contiguous())
        if name is not None and row_name is not None:
            yield f"({name})[:, None] + ({row_name})"


def _diagonals(tensor: Tensor) -> Iterator[str]:
    """The same number all along each diagonal, or every second one."""
    if not torch.equal(
        tensor[1:3, 1:65], tensor[0:2, 0:64][: len(tensor) - 1, : tensor.shape[1] - 1]
    ):
        alternate = torch.equal(tensor[0, 2:65], tensor[0, 0:63][: tensor.shape[1] - 2])
        if not alternate:
            return
    down, across = f"torch.arange({len(tensor)})", f"torch.arange({tensor.shape[1]})"
    yield f"({down}[:, None] + {across}) % 2"
    yield f"({down}[:, None] + {across} + 1) % 2"
    yield f"({down}[:, None] - {across}).abs()"
    start, least, most = int(tensor[0, 0]), int(tensor.min()), int(tensor.max())
    rest = f" + {start}" if start > 0 else f" - {-start}" if start else ""
    for distance in (f"{across} - {down}[:, None]", f"{down}[:, None] - {across}"):
        yield f"({distance}).clamp({least - start}, {most - start}){rest}"


def _products(tensor: Tensor, spell: Spell) -> Iterator[str]:
    """0, 1, 2, ... times a row, or 1, 2, 3, ... times it."""
    height = len(tensor)
    for first in (0, 1):
        row = tensor[1 - first]
        sample = torch.arange(0, height, max(1, height // 8))
        counted = (sample + first).double()[:, None] * row.double()
        if torch.allclose(tensor[sample].double(), counted, rtol=1e-2):
            name = spell(row.contiguous())
            bounds = f"1, {height + 1}" if first else f"{height}"
            if name is not None:
                yield f"torch.outer(torch.arange({bounds}).float(), {name})"


def grids(tensor: Tensor, spell: Spell) -> Iterator[str]:
    """The coordinates of a grid, one dimension for which."""
    for dim, last in ((0, ""), (tensor.dim() - 1, ", dim=-1")):
        if tensor.dim() != tensor.shape[dim] + 1:
            continue
        parts = list(tensor.unbind(dim))
        for indexing in ("ij", "xy"):
            order = list(range(len(parts)))
            if indexing == "xy":
                order[:2] = [1, 0]
            axes = [
                part.movedim(axis, 0).flatten(1)[:, 0]
                for part, axis in zip(parts, order, strict=True)
            ]
            names = [spell(axis.contiguous()) for axis in axes]
            found = [name for name in names if name is not None]
            if len(found) == len(names):
                axes_text = ", ".join(found)
                yield f'torch.stack(torch.meshgrid({axes_text}, indexing="{indexing}"){last})'


def pairs(tensor: Tensor, spell: Spell) -> Iterator[str]:
    """All pairs of the numbers of two sequences, one pair a row."""
    if tensor.dim() != 2 or tensor.shape[1] != 2 or tensor.is_complex():
        return
    first, second = tensor.unbind(1)
    length = max(1, int(bits(first).ne(bits(first)[0]).int().argmax()))
    if len(tensor) % length == 0:
        one, other = spell(first[::length].contiguous()), spell(second[:length].contiguous())
        if one is not None and other is not None:
            yield f"torch.cartesian_prod({one}, {other})"


def window_masks(tensor: Tensor) -> Iterator[str]:
    """The mask of shifted windows: tokens see those that were neighbours before the shift."""
    count, tokens, _ = tensor.shape
    side = isqrt(tokens)
    if not tensor.is_floating_point() or side**2 != tokens:
        return
    text = number_text(tensor[-1].min())
    for shift in range(1, side):
        if not torch.equal(run(_window_mask(1, 1, side, shift, text))[0], tensor[-1].float()):
            continue
        for rows in range(1, count + 1):
            if count % rows == 0:
                yield _window_mask(rows, count // rows, side, shift, text)


def _window_mask(rows: int, columns: int, side: int, shift: int, number: str) -> str:
    height, width = rows * side, columns * side
    below = f"(torch.arange({height}) >= {height - shift})[:, None]"
    right = f"(torch.arange({width}) >= {width - shift})"
    windows = f".view({rows}, {side}, {columns}, {side}).transpose(1, 2).reshape(-1, {side**2})"
    region = f"(region := (2 * {below} + {right}){windows})"
    return f"torch.where({region}[:, None] != region[:, :, None], {number}, 0.0)"
