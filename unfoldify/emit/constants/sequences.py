"""Candidates for tensors of one dimension, the usual ones first: counting, spacing, powers."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from .bits import bits, is_same_along
from .frequencies import frequencies
from .numbers import dtype_argument, number_text, whole_text


def sequences(tensor: Tensor) -> Iterator[str]:
    """What a sequence of two or more numbers might be."""
    if tensor.dtype == torch.bool:
        yield from _thresholds(tensor)
    elif tensor.is_floating_point():
        yield from _spaced(tensor)
        yield from frequencies(tensor)
        yield from _powers(tensor)
        yield from _windows(tensor)
    elif not tensor.is_complex():
        yield from _counted(tensor)


def counted_text(first: int, step: int, count: int, dtype: torch.dtype = torch.int64) -> str:
    """`torch.arange(8)`, `torch.arange(1, 9)`, `torch.arange(0, 64, 2)`."""
    stop = first + step * count
    bounds = f"{first}, {stop}, {step}" if step != 1 else f"{first}, {stop}" if first else f"{stop}"
    return f"torch.arange({bounds}{dtype_argument(dtype)})"


def _counted(tensor: Tensor) -> Iterator[str]:
    first, second, last = (int(tensor[index]) for index in (0, 1, -1))
    step, count = second - first, len(tensor)
    if step and first + step * (count - 1) == last:
        yield counted_text(first, step, count, tensor.dtype)


def _thresholds(tensor: Tensor) -> Iterator[str]:
    count, true = len(tensor), int(tensor.sum())
    if tensor[0]:
        yield f"torch.arange({count}) < {true}"
    else:
        yield f"torch.arange({count}) >= {count - true}"


def _spaced(tensor: Tensor) -> Iterator[str]:
    """Numbers at equal distances."""
    count, middle = len(tensor), len(tensor) // 2
    first, last = tensor[0].double().item(), tensor[-1].double().item()
    distance = (last - first) / (count - 1)
    if not math.isfinite(distance) or distance == 0:
        return
    if abs(tensor[middle].item() - first - middle * distance) > max(
        abs(distance), _rounding(tensor)
    ):
        return
    dtype = dtype_argument(tensor.dtype)
    step = number_text(torch.tensor(distance, dtype=tensor.dtype))
    stop = whole_text(torch.tensor(first + distance * count, dtype=tensor.dtype))
    numbers = counted_text(round(first / distance), 1, count)
    halves = counted_text(round(first / distance - 0.5), 1, count)
    spaced = f"{whole_text(tensor[0])}, {whole_text(tensor[-1])}, {count}"
    formulas = [
        f"torch.linspace({spaced}{dtype})",
        f"torch.arange({whole_text(tensor[0])}, {stop}, {step}{dtype})",
        f"{numbers} * {step}",
        f"{halves} + 0.5",
    ]
    parts = round(1 / distance)
    if abs(parts) > 1:
        formulas += [f"{numbers} / {parts}", f"({halves} + 0.5) / {parts}"]
    yield from sorted(formulas, key=len)
    if tensor.dtype == torch.float32:
        yield f"torch.linspace({spaced}, dtype=torch.float64).float()"  # as numpy makes it
        yield f"1 - torch.linspace({whole_text(1 - tensor[0])}, {whole_text(1 - tensor[-1])}, {count})"


def _rounding(tensor: Tensor) -> float:
    """How far the largest number is from its neighbour: steps may be closer than that."""
    largest = tensor.abs().max()
    return float((torch.nextafter(largest, largest + math.inf) - largest).item())


def _powers(tensor: Tensor) -> Iterator[str]:
    """A number to the power of 0, 1, 2, ... or of 1, 2, 3, ..."""
    count = len(tensor)
    first, second, last = (tensor[index].double().item() for index in (0, 1, -1))
    if not (0 < first < math.inf and 0 < second < math.inf and 0 < last < math.inf):
        return
    octaves = math.log2(second / first)
    if abs(octaves) < 1e-3 or abs(math.log2(last / first) - octaves * (count - 1)) > 0.1:
        return
    exponents = counted_text(round(math.log2(first) / octaves), 1, count)
    if octaves == round(octaves):
        yield f"{2.0**octaves!r} ** {exponents}"
    yield f"2 ** ({round(octaves, 4)!r} * {exponents})"
    yield f"2 ** ({exponents} * ({8 if octaves > 0 else -8} / {round(abs(8 / octaves))}))"
    ratio = torch.tensor(second / first, dtype=tensor.dtype)
    for base in dict.fromkeys([number_text(ratio), number_text(ratio, named=True)]):
        yield f"({base}) ** {exponents}"
        yield f"torch.tensor({base}) ** {exponents}"


def _windows(tensor: Tensor) -> Iterator[str]:
    if not 0 <= tensor[0] <= 0.1:
        return
    dtype = dtype_argument(tensor.dtype)
    for name in ("hann", "hamming", "blackman", "bartlett"):
        for periodic in ("", ", periodic=False"):
            yield f"torch.{name}_window({len(tensor)}{periodic}{dtype})"


def repetitions(tensor: Tensor) -> Iterator[tuple[Tensor, str]]:
    """Shorter sequences of which one consists, and how it is made of them."""
    count, numbers = len(tensor), bits(tensor)
    for size in range(1, count // 2 + 1):
        if count % size or not torch.equal(numbers[size], numbers[0]):
            continue
        if torch.equal(numbers[size:], numbers[:-size]):
            yield tensor[:size], f".repeat({count // size})"
            break
    run = _first_change(numbers)
    if 1 < run < count and count % run == 0 and is_same_along(tensor.view(-1, run), 1):
        yield tensor[::run].contiguous(), f".repeat_interleave({run})"


def _first_change(numbers: Tensor) -> int:
    changed = numbers.ne(numbers[0]).reshape(len(numbers), -1).any(dim=1).nonzero()
    return int(changed[0]) if len(changed) else len(numbers)


def row_length(tensor: Tensor) -> int | None:
    """Where a sequence of whole numbers first stops counting, if that divides its length."""
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        return None
    length = _first_change(tensor.diff()) + 1
    if not 1 < length < len(tensor) or len(tensor) % length:
        return None
    first, second = tensor[:length], tensor[length : 2 * length]
    return length if torch.equal(first - first[0], second - second[0]) else None
