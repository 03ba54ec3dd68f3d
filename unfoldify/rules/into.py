"""Where a result goes: nowhere in particular, into `out=`, into the tensor itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from unfoldify.rules.checks import check, shape_of


def into(out: Tensor | None, result: Tensor) -> Tensor:
    """`result`, written to `out` where the caller gave one."""
    if out is None:
        return result
    check(
        torch.can_cast(result.dtype, out.dtype),
        "out",
        f"a result of {result.dtype} cannot be written to {out.dtype}",
    )
    if shape_of(out) != shape_of(result):
        out = out.resize_(result.shape)
    return out.copy_(result)


def in_place(rule: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The spelling with an underscore of a rule: the result replaces the first argument."""

    @wraps(rule)
    def function(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return self.copy_(rule(self, *args, **kwargs))

    return function
