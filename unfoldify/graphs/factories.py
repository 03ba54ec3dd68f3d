"""New tensors, made from one that is there.

`x.new_ones(n)` is on the device of `x` wherever that is, and can be traced once more where
`torch.ones(n, device=x.device)` cannot: torch.fx has no way to trace a size given to a factory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor


def ones(anchor: Tensor, *size: Any, **options: Any) -> Tensor:
    return anchor.new_ones(shape(size, options), **kind(anchor, options))


def zeros(anchor: Tensor, *size: Any, **options: Any) -> Tensor:
    return anchor.new_zeros(shape(size, options), **kind(anchor, options))


def full(anchor: Tensor, size: Any, fill_value: Any, **options: Any) -> Tensor:
    if options.get("dtype") is None and not isinstance(fill_value, float):
        options["dtype"] = torch.tensor(fill_value).dtype
    return anchor.new_full(shape((size,), options), fill_value, **kind(anchor, options))


def eye(anchor: Tensor, n: int, **options: Any) -> Tensor:
    diagonal: Tensor = anchor.new_ones(shape((n,), {}), **kind(anchor, options))
    return diagonal.diag()


FACTORIES: Mapping[Callable[..., Any], Callable[..., Tensor]] = {
    torch.ones: ones,
    torch.zeros: zeros,
    torch.full: full,
    torch.eye: eye,
}


def shape(size: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """`ones(2, 3)`, `ones((2, 3))` and `ones(size=(2, 3))` alike."""
    size = options.get("size", size)
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else tuple(size)


def kind(anchor: Tensor, options: dict[str, Any]) -> dict[str, Any]:
    """The dtype where it is not the anchor's."""
    dtype = options.get("dtype") or torch.get_default_dtype()
    return {} if dtype == anchor.dtype else {"dtype": dtype}
