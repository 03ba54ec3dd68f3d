"""Other weights for a model: no zero, one or symmetry of the initial ones can hide an error."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from unfoldify.preserve import unexpanded

Strength = Literal["redrawn", "shuffled", "nudged", "given"]
WIDE = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.complex32: torch.complex128,
    torch.complex64: torch.complex128,
}


def state_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer under each of its names, persistent or not."""
    named: dict[str, Tensor] = {}
    named.update(model.named_parameters(remove_duplicate=False))
    named.update(model.named_buffers(remove_duplicate=False))
    return {name: tensor for name, tensor in named.items() if is_plain(tensor)}


def is_plain(tensor: Tensor) -> bool:
    """Whether it is memory that can be exchanged for other memory: no subclass, no sparse one."""
    plain = type(tensor) in (Tensor, nn.Parameter, nn.Buffer, nn.UninitializedBuffer)
    return plain and tensor.layout is torch.strided and not tensor.is_quantized


def redrawn(
    model: nn.Module,
    seed: int = 0,
    strength: Strength = "redrawn",
    only: Collection[str] | None = None,
) -> dict[str, Tensor]:
    """New values for parameters and buffers, in their own dtypes, tied where they are tied.

    `only` names what may change, the rest keeps its values. "nudged" stays near the given values,
    for models that do not survive random ones; "shuffled" has the given ones in other places, so that
    whatever they decide is decided otherwise.
    """
    generator = torch.Generator().manual_seed(seed)
    given = state_tensors(model)
    new = relaid(given)
    parameters = {id(p) for p in model.parameters()}
    names = [name for name in given if only is None or name in only] if strength != "given" else []
    once = {id(given[name]): name for name in reversed(names)}
    for name in sorted(once.values(), key=lambda name: -given[name].numel()):  # bases before views
        tensor = unexpanded(given[name].detach())
        if (tensor.is_floating_point() or tensor.is_complex()) and not tensor.is_meta:
            drawn = _drawn(name, tensor, id(given[name]) in parameters, strength, generator)
            unexpanded(new[name]).copy_(drawn)
    return new


def relaid(
    tensors: Mapping[str, Tensor],
    dtypes: Mapping[torch.dtype, torch.dtype] | None = None,
    values: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Copies that share memory among themselves where the given tensors do, in other dtypes.

    They take their numbers from `values` where that has some of their name and shape.
    """
    dtypes, values = dtypes or {}, values or {}
    others = {id(t): values[name] for name, t in tensors.items() if name in values}
    unique = {id(tensor): tensor for tensor in tensors.values()}
    sharing: dict[object, list[Tensor]] = {}
    for tensor in unique.values():
        sharing.setdefault(_place(tensor), []).append(tensor)
    copies: dict[int, Tensor] = {}
    for held in sharing.values():
        memory, first = _memory(held, dtypes.get(held[0].dtype, held[0].dtype))
        held.sort(
            key=lambda tensor: id(tensor) in others
        )  # given numbers are written last, to stay
        for tensor in held:
            start = tensor.storage_offset() - first
            copy = memory.as_strided(tensor.shape, tensor.stride(), start)
            source = others.get(id(tensor), tensor)
            source = source if source.shape == tensor.shape else tensor
            unexpanded(copy).copy_(unexpanded(source.detach(), like=copy))
            copies[id(tensor)] = copy
    return {name: copies[id(tensor)] for name, tensor in tensors.items()}


def _place(tensor: Tensor) -> object:
    if tensor.is_meta or not tensor.numel():
        return id(tensor)
    return tensor.untyped_storage().data_ptr(), tensor.dtype, tensor.device


def _memory(tensors: list[Tensor], dtype: torch.dtype) -> tuple[Tensor, int]:
    """Room for all of them, and the offset at which it begins."""
    first = min(int(t.storage_offset()) for t in tensors)
    ends = [
        t.storage_offset() + sum((n - 1) * s for n, s in zip(t.shape, t.stride(), strict=True)) + 1
        for t in tensors
        if t.numel()
    ]
    return torch.empty(
        max(ends, default=first) - first, dtype=dtype, device=tensors[0].device
    ), first


@contextlib.contextmanager
def pointed_at(tensors: Mapping[str, Tensor], memory: Mapping[str, Tensor]) -> Iterator[None]:
    """Lets each tensor look at other memory: whoever holds it, in whatever list, sees that."""
    before = [(tensor, tensor.data) for name, tensor in tensors.items() if name in memory]
    try:
        for name, tensor in tensors.items():
            if name in memory:
                tensor.data = memory[name]
        yield
    finally:
        for tensor, data in before:
            tensor.data = data


def _drawn(
    name: str, tensor: Tensor, is_parameter: bool, strength: Strength, generator: torch.Generator
) -> Tensor:
    if tensor.is_complex():
        real = torch.view_as_real(tensor.resolve_conj())
        return torch.view_as_complex(
            _drawn(name, real, is_parameter, strength, generator).contiguous()
        )
    narrow = tensor.dtype in (torch.float16, torch.bfloat16)
    values = tensor.to("cpu", torch.float32 if narrow else tensor.dtype)
    if not is_parameter:
        return values if strength == "nudged" else _buffer(name, values, generator)
    if strength == "nudged":
        return _nudged(values, generator)
    if strength == "shuffled":
        values = values.flatten()[torch.randperm(values.numel(), generator=generator)].view_as(
            values
        )
    return _parameter(values, generator)


def _parameter(values: Tensor, generator: torch.Generator) -> Tensor:
    """The given values, each times a factor around 1; fresh ones where there are none."""
    rms = float(values.square().mean().sqrt())
    usual = _usual_scale(values)
    if 1e-2 * usual < rms < 1e3 and int((values == 0).sum()) * 2 <= values.numel():
        return _around_one(values, 0.5, generator).mul_(values)
    return torch.randn(values.shape, generator=generator, dtype=values.dtype).mul_(usual)


def _usual_scale(values: Tensor) -> float:
    """fan_in ** -0.5 for a weight (o first, or 1 as in position tables), a half for a vector."""
    if values.ndim < 2 or not values.numel():
        return 0.5
    o = values.shape[0] if values.shape[0] > 1 else max(values.shape)
    return float((values.numel() / o) ** -0.5)


def _buffer(name: str, values: Tensor, generator: torch.Generator) -> Tensor:
    """Running statistics and tables move; masks, counters, flags and whole numbers stay."""
    last = name.rpartition(".")[2]
    if last == "running_mean":
        return values + torch.randn(values.shape, generator=generator, dtype=values.dtype) * 0.5
    if last == "running_var":
        return values.clamp(min=0.1) * _around_one(values, 0.5, generator)
    if values.numel() == 1 or not bool(values.isfinite().all()):
        return values
    if not bool(values.any()):
        return torch.rand(values.shape, generator=generator, dtype=values.dtype) * 0.4 + 0.1
    constant = bool((values == values.flatten()[0]).all())
    if bool((values == values.round()).all()) and not constant:
        return values
    new = values * _around_one(values, 0.25, generator)
    ordered = values.ndim == 1 and bool((values[1:] >= values[:-1]).all())
    return new.sort().values if ordered else new


def _nudged(values: Tensor, generator: torch.Generator) -> Tensor:
    noise = torch.randn(values.shape, generator=generator, dtype=values.dtype)
    moved = values * _around_one(values, 0.1, generator)
    return torch.where(values == 0, noise * 0.02 * _usual_scale(values), moved)


def _around_one(values: Tensor, width: float, generator: torch.Generator) -> Tensor:
    factors = torch.rand(values.shape, generator=generator, dtype=values.dtype)
    return factors.mul_(2 * width).add_(1 - width)
