"""What a call leaves behind in the attributes of a model, where no state_dict has it."""

from __future__ import annotations

from typing import Any

from torch import nn

OF_TORCH = {"training", "_parameters", "_buffers", "_modules"}
Attributes = dict[str, Any]
_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def attributes(model: nn.Module) -> Attributes:
    """Every attribute of every module: the number or text that it is, or which object."""
    return {
        f"{path}.{name}" if path else name: _mark(value)
        for path, module in model.named_modules()
        for name, value in vars(module).items()
        if name not in OF_TORCH
    }


def _mark(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    held = len(value) if isinstance(value, (list, dict, set, tuple)) else 0
    return id(value), held


def changed(before: Attributes, after: Attributes) -> tuple[str, ...]:
    """The attributes that are others now."""
    return tuple(name for name, mark in after.items() if before.get(name, before) != mark)
