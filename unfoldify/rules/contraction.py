"""A contraction in two styles: align, multiply and sum, or one einsum over named axes.

Patterns are those of einops: axes by name, `1` for none, `(g c_in)` for two axes in one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import torch
from einops import einsum, rearrange
from torch import Tensor

from unfoldify.notes import remark
from unfoldify.rules.rule import Style

LEADING = ("", "b", "b n")
_NARROW = {torch.uint8, torch.int8, torch.int16, torch.int32}


def leading(rank: int, axes: tuple[str, ...] = LEADING) -> str:
    """The axes in front of those that a rule names: a name for each of the first few ranks."""
    return axes[rank] if rank < len(axes) else "..."


def axes(*parts: str) -> str:
    """The parts of a pattern side by side, the empty ones left out."""
    return " ".join(part for part in parts if part)


def as_matmul(x: Tensor) -> dict[str, Any]:
    """What `sum` needs to be told to answer in the dtype of `x`: it would widen small integers."""
    return {"dtype": x.dtype} if x.dtype in _NARROW else {}


@lru_cache(maxsize=4096)
def ungrouped(pattern: str) -> str:
    """`b (g c_in) 1` → `b g c_in`: every axis for itself and none without a name."""
    names = re.sub(r"[()]", " ", pattern).split()
    return " ".join(name for name in names if name != "1")


@lru_cache(maxsize=4096)
def aligned(pattern: str, order: str) -> str:
    """`b c_in` in the order `b c_out c_in` → `b 1 c_in`: its own axes in place, ones elsewhere."""
    own = ungrouped(pattern).split()
    places = [name if name in own else "1" for name in order.split()]
    while places and places[0] == "1":  # broadcasting adds these
        places.pop(0)
    return " ".join(places)


@lru_cache(maxsize=4096)
def summed_dims(order: str, over: str) -> tuple[int, ...]:
    """Where in `order` the axes of `over` are, counted from the end where all are near it."""
    names = order.split()
    dims = tuple(names.index(name) for name in over.split())
    from_end = tuple(dim - len(names) for dim in dims)
    return from_end if "..." in names or min(from_end) >= -2 else dims


def contract(
    x: Tensor,
    w: Tensor,
    pattern: str,
    *,
    order: str,
    over: str,
    style: Style,
    **sizes: int,
) -> Tensor:
    """The sum over the axes `over` of `x * w`, for a pattern `x, w -> result`.

    `order` is the order of all axes in the product: `b c_out c_in n_out k`. In the einsum style the
    kernel `w` is the first operand: with the windows first it is slower by half and more.
    """
    operands, result = pattern.split(" -> ")
    x_axes, w_axes = operands.split(", ")
    groups = _sizes_in(x_axes, sizes), _sizes_in(w_axes, sizes)
    if style == "einsum":
        x_plain, w_plain, plain = ungrouped(x_axes), ungrouped(w_axes), ungrouped(result)
        if x_plain != x_axes:
            x = rearrange(x, f"{x_axes} -> {x_plain}", **groups[0])
        if w_plain != w_axes:
            w = rearrange(w, f"{w_axes} -> {w_plain}", **groups[1])
        x = einsum(w, x, f"{w_plain}, {x_plain} -> {plain}")
    else:
        plain = ungrouped(result)
        x_aligned, w_aligned = aligned(x_axes, order), aligned(w_axes, order)
        if x_aligned != x_axes:
            x = rearrange(x, f"{x_axes} -> {x_aligned}", **groups[0])
        if w_aligned != w_axes:
            w = rearrange(w, f"{w_axes} -> {w_aligned}", **groups[1])
        x = _product(x, w, order, over)
    if plain != result:
        x = rearrange(x, f"{plain} -> {result}")
    return x


def _product(x: Tensor, w: Tensor, order: str, over: str) -> Tensor:
    """`(x * w).sum(...)` of aligned operands."""
    if not over:
        return x * w
    dims = summed_dims(order, over)
    x = (x * w).sum(dim=dims if len(dims) > 1 else dims[0], **as_matmul(x))
    return remark(x, "over " + over.replace(" ", ", "))


def _sizes_in(pattern: str, sizes: dict[str, int]) -> dict[str, int]:
    """The sizes that einops needs to take the groups of `pattern` apart."""
    grouped = set(" ".join(re.findall(r"\(([^)]*)\)", pattern)).split())
    return {name: size for name, size in sizes.items() if name in grouped}
