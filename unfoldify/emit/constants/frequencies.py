"""Frequencies in equal ratios, of rotary and sinusoidal embeddings, and the waves made of them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

_BASES = ("10000", "500000", "1000000", "100000", "1000", "100", "10")


def frequencies(tensor: Tensor) -> Iterator[str]:
    """Formulas for a sequence that falls or rises from 1 in equal ratios."""
    count, half = len(tensor), len(tensor) // 2
    middle, last = tensor[half].item(), tensor[-1].item()
    if tensor[0].item() != 1 or not (0 < middle < math.inf and 0 < last < math.inf) or last == 1:
        return
    ratio = math.log(last) / (count - 1)
    if not math.isclose(math.log(middle), ratio * half, rel_tol=2e-2):
        return
    for base in _bases(abs(ratio) * count):
        if ratio > 0:
            yield f"{base} ** (torch.arange(0, {2 * count}, 2) / {2 * count})"
            yield f"{base} ** (torch.arange({count}) / {count})"
        else:
            yield from frequency_formulas(base, count)
            yield from (f"({text}).float()" for text in _in_double_precision(base, count))
    for base in _bases(abs(ratio) * (count - 1)):
        yield f"torch.exp(torch.arange({count}) * (-math.log({base}) / {count - 1}))"
        yield f"torch.exp(-math.log({base}) * torch.arange({count}) / {count - 1})"
        yield f"1.0 / {base} ** (torch.arange({count}) / {count - 1})"
        yield f"{base} ** -torch.linspace(0, 1, {count})"


def frequency_formulas(base: str, count: int) -> Iterator[str]:
    """The formulas in use, which differ in their rounding."""
    numbers, size = f"torch.arange(0, {2 * count}, 2)", 2 * count
    yield f"1.0 / {base} ** ({numbers} / {size})"
    yield f"torch.exp({numbers} * (-math.log({base}) / {size}))"
    yield f"{base} ** -({numbers} / {size})"
    yield f"torch.exp(-math.log({base}) * torch.arange({count}) / {count})"
    yield f"torch.exp(-math.log({base}) * {numbers} / {size})"
    yield f"torch.exp(torch.arange({count}) * (-math.log({base}) / {count}))"


def _in_double_precision(base: str, count: int) -> Iterator[str]:
    numbers, size = f"torch.arange(0, {2 * count}, 2, dtype=torch.float64)", 2 * count
    yield f"1.0 / {base} ** ({numbers} / {size})"
    yield f"torch.exp({numbers} * (-math.log({base}) / {size}))"


def _bases(logarithm: float) -> list[str]:
    """The round numbers whose logarithm is about this, usual ones first."""
    if logarithm > 100:
        return []
    estimate = math.exp(logarithm)
    near = [base for base in _BASES if math.isclose(float(base), estimate, rel_tol=5e-2)]
    rounded = (float(f"{estimate:.{digits}g}") for digits in range(1, 6))
    others = [each for each in rounded if math.isclose(each, estimate, rel_tol=2e-3)]
    texts = [f"{each:.0f}" if each == round(each) else repr(each) for each in others]
    return list(dict.fromkeys([*near, *texts]))


def waves(tensor: Tensor) -> Iterator[str]:
    """Sines and cosines of positions times frequencies, in the orders in use."""
    height, width = tensor.shape
    if height < 2 or width < 4 or not bool(tensor[:4].abs().le(1).all()):
        return
    first, half = tensor[0].tolist(), width // 2
    angles = "(angles := {angles})"
    if set(first) in ({0.0}, {1.0}):
        wave = "sin()" if first[0] == 0 else "cos()"
        yield from _waves(tensor, half, f"{{angles}}.{wave}.repeat(1, 2)")
        yield from _waves(tensor, half, f"{{angles}}.{wave}.repeat_interleave(2, dim=1)")
        yield from _waves(tensor, width, f"{{angles}}.{wave}")
    elif first == [0.0, 1.0] * half:
        pairs = f"torch.stack([{angles}.sin(), angles.cos()], dim=-1).flatten(1)"
        yield from _waves(tensor, half, pairs)
    elif first == [0.0] * half + [1.0] * half:
        yield from _waves(tensor, half, f"torch.cat([{angles}.sin(), angles.cos()], dim=-1)")
    elif first == [1.0] * half + [0.0] * half:
        yield from _waves(tensor, half, f"torch.cat([{angles}.cos(), angles.sin()], dim=-1)")


def _waves(tensor: Tensor, count: int, template: str) -> Iterator[str]:
    """The template with the formulas filled in whose first rows look right."""
    height = len(tensor)
    for base in _BASES:
        for formula in frequency_formulas(base, count):
            few = run(template.format(angles=_angles(min(height, 3), formula)))
            if not _is_near(few, tensor[: len(few)]):
                break  # formulas differ in rounding only
            yield template.format(angles=_angles(height, formula))
        else:
            if tensor.dtype == torch.float32:  # as numpy makes it
                for formula in _in_double_precision(base, count):
                    angles = _angles(height, formula, "double")
                    yield f"({template.format(angles=angles)}).float()"


def _is_near(few: Tensor, known: Tensor) -> bool:
    return few.shape == known.shape and torch.allclose(few, known.to(few.dtype), atol=1e-2)


def _angles(height: int, formula: str, precision: str = "float") -> str:
    return f"torch.outer(torch.arange({height}).{precision}(), {formula})"


def rotations(tensor: Tensor) -> Iterator[str]:
    """Rotary embeddings as complex numbers."""
    height, width = tensor.shape
    for base in _BASES:
        for formula in frequency_formulas(base, width):
            angles = _angles(height, formula)
            if not _is_near(run(f"torch.exp(1j * {_angles(min(height, 3), formula)})"), tensor[:3]):
                break
            yield f"torch.polar(torch.ones({height}, {width}), {angles})"
            yield f"torch.exp(1j * {angles})"


def run(text: str) -> Tensor:
    """The tensor that an expression gives, of this package's own making."""
    made: Tensor = eval(text, {"torch": torch, "math": math})
    return made
