"""About how long a computation takes, told by what it does: the same on every machine.

What a file says must not depend on how busy a machine is: how far to look for free sizes, and which
checks are worth their time, is decided by this, not by a clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from unfoldify.rules import RULES

PATIENCE = 4  # a clock ends a search all the same when it takes so many times as long

_OF_A_CALL = 3e-5  # seconds, on one or two ordinary cores
_OF_AN_ELEMENT = 2e-9
_OF_A_PRODUCT = 3e-11  # inside a kernel that contracts


def effort(
    function: Callable[..., Any], operands: Iterable[Tensor], results: list[Tensor]
) -> float:
    """Seconds for one call; `results` are the tensors that it computed and did not only view."""
    found = _OF_A_CALL + sum(x.numel() for x in results) * _OF_AN_ELEMENT
    if function in RULES and results:
        found += products(operands, results[0]) * _OF_A_PRODUCT
    return found


def effort_of_products(count: float) -> float:
    """Seconds for numbers that are multiplied and summed inside a kernel."""
    return _OF_A_CALL + count * _OF_A_PRODUCT


class Counting(TorchFunctionMode):
    """Counts what the calls in its block take."""

    def __init__(self) -> None:
        super().__init__()
        self.effort = 0.0  # seconds

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        operands = (x for x in (*args, *kwargs.values()) if isinstance(x, Tensor))
        self.effort += effort(func, operands, [result] if isinstance(result, Tensor) else [])
        return result


def products(operands: Iterable[Tensor], result: Tensor) -> float:
    """About how many numbers a contraction multiplies: of `m n` and `n p`, m * n * p."""
    factors = [x.numel() for x in operands][:2]
    return math.sqrt(math.prod(factors) * result.numel()) if len(factors) == 2 else 0.0
