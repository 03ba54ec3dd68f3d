"""What a transformed graph is bound to, checked where it runs."""

from __future__ import annotations

from typing import Any

from torch.fx.node import has_side_effect


@has_side_effect
def expect(value: Any, wanted: Any, name: str) -> None:
    """Raises where an argument is not what the graph was transformed for."""
    if type(value) is not type(wanted) or value != wanted:
        found = type(value).__name__ if value is None or wanted is None else repr(value)
        raise ValueError(
            f"{name}: this graph was transformed for {wanted!r}, found {found}.\n"
            "Transform the original again with this value among the example_inputs"
        )
