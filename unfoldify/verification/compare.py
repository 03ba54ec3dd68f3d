"""How far two runs are apart: outputs, gradients and buffers, each against its own size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from unfoldify.verification.runs import Run, in_object

_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)
_PIECE = 1 << 16  # numbers that fit into the cache of a processor

Kind = Literal["output", "gradient", "buffer"]
Noise = Mapping[tuple[Kind, str], float]


@dataclass(frozen=True)
class Tolerance:
    """What may differ: a part of each tensor's largest value, or what is known to be noise.

    Some gradients are zero but for rounding (a bias before a normalisation, of keys before a
    softmax): theirs is measured against the largest gradient there is.
    """

    relative: float = 1e-10
    least: float = 1e-4  # of the largest gradient: what a gradient's size counts as at least
    noise: Noise = field(default_factory=dict)  # absolute: the rounding of the model's own type
    unstable: Noise = field(default_factory=dict)  # absolute: how far the original's own moves


@dataclass(frozen=True)
class Difference:
    """One thing that is not equal: what it is, and both values in a sentence."""

    kind: Literal["output", "gradient", "buffer", "failure", "structure"]
    name: str
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Comparison:
    """The largest relative errors, what is too far apart, and what compared nothing.

    `excused` are the tensors that are further apart than rounding explains, but no further than
    the original's own noise; their errors are not among the largest.
    """

    outputs: float | None
    gradients: float | None
    buffers: float | None
    differences: tuple[Difference, ...]
    powerless: tuple[str, ...] = ()
    excused: tuple[tuple[Kind, str], ...] = ()


def compare(found: Run, wanted: Run, tolerance: Tolerance) -> Comparison:
    """What the rewritten model gave against what the original gave."""
    if found.failure is not None:
        message = f"the rewritten model fails where the original runs: {found.failure}"
        return Comparison(None, None, None, (Difference("failure", "forward", message),))
    differences = [*_outlines(found, wanted)]
    errors: dict[Kind, list[float]] = {"output": [], "gradient": [], "buffer": []}
    powerless, excused = [], []
    least = tolerance.least * max(map(size, wanted.gradients.values()), default=0.0)
    for kind, name, a, b in _pairs(found, wanted):
        scale = max(size(b), least if kind == "gradient" else 0.0)
        usual = max(tolerance.relative * scale, tolerance.noise.get((kind, name), 0.0))
        allowed = max(usual, tolerance.unstable.get((kind, name), 0.0))
        if kind == "gradient" and (a is None or b is None):
            error, fact = _absent(a, b, allowed)
        else:
            error, fact = _gap(a, b, scale, allowed)
        if fact is None and error * (scale or 1.0) > usual:
            excused.append((kind, name))
        else:
            errors[kind].append(error)
        if fact:
            differences.append(Difference(kind, name, f"{_spelled(kind, name)} {fact}"))
        elif kind == "output" and (why := _powerless(b)):
            powerless.append(f"{name} is {why}: its comparison proves nothing")
    if found.backward_failure and not wanted.backward_failure:
        message = f"the backward pass fails where the original's runs: {found.backward_failure}"
        differences.append(Difference("failure", "backward", message))
    largest = {kind: max(found, default=None) for kind, found in errors.items()}
    return Comparison(
        largest["output"],
        largest["gradient"],
        largest["buffer"],
        tuple(differences),
        tuple(powerless),
        tuple(excused),
    )


def times(margin: float, noise: Noise) -> Noise:
    """The noise, `margin` times as large."""
    return {key: margin * own for key, own in noise.items()}


def noise_between(base: Run, others: Sequence[Run]) -> Noise:
    """How far the original's own values move: the largest difference, or how many change."""
    noise: dict[tuple[Kind, str], float] = {}
    for other in others:
        for kind, name, a, b in _pairs(other, base):
            if isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape == b.shape:
                noise[kind, name] = max(noise.get((kind, name), 0.0), _moved(a, b))
    return noise


def _moved(a: Tensor, b: Tensor) -> float:
    a, b = widened(a), widened(b)
    if not (b.is_floating_point() or b.is_complex() or b.is_meta):
        return float((a != b).sum())
    return size(a - b)


def _pairs(found: Run, wanted: Run) -> Iterator[tuple[Kind, str, Any, Any]]:
    for name, b in wanted.outputs.items():
        if name in found.outputs:
            yield "output", name, found.outputs[name], b
    for name, b in wanted.buffers.items():
        if name in found.buffers:
            yield "buffer", name, found.buffers[name], b
    if not found.backward_failure:
        for name, b in wanted.gradients.items():
            yield "gradient", name, found.gradients.get(name), b


def _outlines(found: Run, wanted: Run) -> Iterator[Difference]:
    """Where the structures of the outputs part: another container, a value more or less."""
    for path, kind in wanted.outline.items():
        other = found.outline.get(path, "a single value" if path in found.outputs else "nothing")
        if other != kind and not in_object(path, wanted.outline):
            message = f"{path} is {kind} in the original and {other} in the rewritten model"
            yield Difference("structure", path, message)
            return
    for path in [*wanted.outputs, *found.outputs]:
        if path in wanted.outputs and path in found.outputs:
            continue
        value = wanted.outputs.get(path, found.outputs.get(path))
        # a field that is None, or a part of an object such as a cache, may be left out
        if value is not None and not in_object(path, wanted.outline):
            where = "the original" if path in wanted.outputs else "the rewritten model"
            yield Difference("structure", path, f"{path} is returned by {where} alone")


def _gap(a: Any, b: Any, scale: float, allowed: float) -> tuple[float, str | None]:
    """The error relative to `scale`, and what to say where it is more than allowed."""
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        return _plain_gap(a, b)
    for what, got, want in (("shape", [*a.shape], [*b.shape]), ("dtype", a.dtype, b.dtype)):
        if got != want:
            return math.inf, f"has {what} {want} in the original and {got} in the rewritten model"
    if not b.numel() or b.is_meta or a.is_meta:
        return 0.0, None
    a, b = widened(a.to(b.device)), widened(b)
    if not (b.is_floating_point() or b.is_complex()):
        unequal = a != b
        count = int(unequal.sum())
        if count <= allowed:
            return float(count > 0), None
        return math.inf, f"differs in {count} of {b.numel()} values: {_both(a, b, unequal)}"
    largest = largest_gap(a, b)
    if not math.isfinite(largest):
        if fact := _non_finite(a, b):
            return math.inf, fact
        largest = size(a - b)
    error = largest / scale if scale else (math.inf if largest else 0.0)
    if largest <= allowed:
        return error, None
    gap = _finite(a - b).abs()
    by = f"{error:.1e} of its largest value" if scale else f"{largest:.1e}"
    return error, f"differs by {by}: {_both(a, b, gap == largest)}"


def _absent(a: Tensor | None, b: Tensor | None, allowed: float) -> tuple[float, str | None]:
    """A gradient that only one side has: no gradient is as good as one of zeros."""
    largest = max(size(a), size(b))
    if largest <= allowed:
        return 0.0, None
    where = "is missing in the rewritten model" if a is None else "is none in the original"
    return math.inf, f"{where}: up to {largest:.6g}"


def _plain_gap(a: Any, b: Any) -> tuple[float, str | None]:
    """Of values of which one at least is no tensor."""
    if (a is None) != (b is None):
        wanted, found = (_brief(value) for value in (b, a))
        return math.inf, f"differs: wanted {wanted}, found {found}"
    if isinstance(b, float) and isinstance(a, float) and not math.isnan(b):
        equal = math.isclose(a, b, rel_tol=1e-6)
    elif isinstance(b, bool | int | str | bytes | type(None) | torch.Size | torch.dtype):
        equal = type(a) is type(b) and a == b
    else:
        return 0.0, None
    return (0.0, None) if equal else (math.inf, f"differs: wanted {b!r}, found {a!r}")


def _brief(value: Any) -> str:
    return f"a tensor {list(value.shape)}" if isinstance(value, Tensor) else repr(value)


def _non_finite(a: Tensor, b: Tensor) -> str | None:
    for what, test in (("NaN", torch.isnan), ("infinite", torch.isinf)):
        unequal = test(a) != test(b)
        if bool(unequal.any()):
            count = int(unequal.sum())
            return f"is {what} in only one of the models at {count} places: {_both(a, b, unequal)}"
    if not b.is_complex() and bool(((a != b) & b.isinf()).any()):
        return f"is infinite with another sign: {_both(a, b, (a != b) & b.isinf())}"
    return None


def _both(a: Tensor, b: Tensor, where: Tensor) -> str:
    """Wanted and found at the first place that is marked."""
    place = where.nonzero()[0].tolist()
    wanted, found = b[tuple(place)].item(), a[tuple(place)].item()
    at = f" at {place}" if place else ""
    return f"wanted {_number(wanted)}, found {_number(found)}{at}"


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | complex) else str(value)


def size(value: Any) -> float:
    """The largest finite magnitude; 0 for nothing."""
    if not isinstance(value, Tensor) or value.is_meta or not value.numel():
        return 0.0
    if value.dtype is torch.bool:
        return 1.0
    value = widened(value)
    largest = _peak(value)
    return largest if math.isfinite(largest) else _peak(_finite(value))


def widened(tensor: Tensor) -> Tensor:
    """Numbers of rare types, with which torch does not calculate, as ordinary ones."""
    if tensor.is_floating_point() and tensor.dtype.itemsize == 1:
        return tensor.float()
    return tensor.to(torch.int64) if tensor.dtype in _UNSIGNED else tensor


def largest_gap(a: Tensor, b: Tensor) -> float:
    """The largest difference; infinite or NaN where a number of either is.

    Pieces that fit into the processor's cache take a fraction of the time that whole tensors do.
    """
    pieces = (torch.split(tensor.reshape(-1), _PIECE) for tensor in (a, b))
    gaps = [_peak(mine - theirs) for mine, theirs in zip(*pieces, strict=True)]
    return next((gap for gap in gaps if math.isnan(gap)), max(gaps))


def _peak(tensor: Tensor) -> float:
    """The largest magnitude, NaN where a number is."""
    low, high = (tensor.abs() if tensor.is_complex() else tensor).aminmax()
    return math.nan if bool(low.isnan()) else max(-float(low), float(high))


def _finite(tensor: Tensor) -> Tensor:
    """The tensor with 0 where it is not finite."""
    return torch.where(tensor.isfinite(), tensor, torch.zeros_like(tensor))


def _powerless(b: Any) -> str | None:
    if not isinstance(b, Tensor) or not b.is_floating_point() or not b.numel() or b.is_meta:
        return None
    b = widened(b)
    if not bool(b.isfinite().any()):
        return "nowhere finite"
    return "zero everywhere" if not bool(b.any()) else None


def _spelled(kind: Kind, name: str) -> str:
    return {
        "output": name,
        "gradient": f"the gradient of {name}",
        "buffer": f"the buffer {name} after the call",
    }[kind]
