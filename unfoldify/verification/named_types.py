"""Models that choose a constant by the type of a value: `EPS[x.dtype]`.

In float64 they choose another one than in their own type, and a file has the one that was chosen when
the model ran. Both models are then compared in float64 with values that say they are of their own type.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from unfoldify.verification.redraw import WIDE

NARROW_COMPLEX = {torch.float32: torch.complex64, torch.float16: torch.complex32}


class Says(TorchFunctionMode):
    """Asked for their type, values that were widened name the one that they had."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.said = {WIDE[dtype]: dtype}
        if dtype in NARROW_COMPLEX:
            self.said[torch.complex128] = NARROW_COMPLEX[dtype]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        return self.said.get(result, result) if isinstance(result, torch.dtype) else result
