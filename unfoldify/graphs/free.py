"""Which sizes of a graph's values may be others when it is called again."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

TOLD = ("val", "example_value")  # where exported and captured graphs keep a value as they know it


def moves(node: fx.Node, dim: int) -> bool:
    """Whether a size may be another one: it comes from an input, and the graph does not fix it."""
    seen: set[fx.Node] = set()
    stack = [node]
    while stack:
        source = stack.pop()
        if source in seen or source.op == "get_attr":
            continue
        seen.add(source)
        shape = told(source)
        if shape is not None:
            size = shape[dim] if source is node else None
            if isinstance(size, torch.SymInt) or (
                size is None and any(isinstance(n, torch.SymInt) for n in shape)
            ):
                return True
            continue
        if source.op == "placeholder":
            return True
        stack += source.all_input_nodes
    return False


def told(node: fx.Node) -> Any:
    """The shape that the graph itself says a value has, symbols where it is free."""
    found = next((node.meta[key] for key in TOLD if key in node.meta), None)
    return found.shape if isinstance(found, Tensor) else None
