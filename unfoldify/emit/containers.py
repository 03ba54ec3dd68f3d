"""Items of an nn.Sequential or nn.ModuleList, whose names need not be the numbers of their places."""

from __future__ import annotations

from typing import Any

from torch import nn


def place_of(container: Any, label: str) -> int | None:
    """The number in `container[number]` that gives the item of that name; None without one.

    A Sequential counts its items, a ModuleList looks for a name that is the number.
    """
    if not label.isdigit() or not isinstance(
        container, (nn.ModuleList, nn.Sequential, nn.ParameterList)
    ):
        return None
    if isinstance(container, nn.Sequential) and label in container._modules:
        return list(container._modules).index(label)
    if isinstance(container, nn.ModuleList) and int(label) >= len(container):
        return None
    return int(label)


def in_a_row(container: nn.ModuleList | nn.Sequential) -> int:
    """How many of the items are named 0, 1, ... as the constructor would name them."""
    labels = enumerate(container._modules)
    return next((i for i, label in labels if label != str(i)), len(container._modules))


def child_of(parent: Any, part: str) -> Any:
    if isinstance(parent, nn.Module) and part in parent._modules:
        return parent._modules[part]
    return None


def child_at(module: Any, path: str) -> Any:
    """The module at a path, also where it has the name of a method; None where there is none."""
    for part in filter(None, path.split(".")):
        module = child_of(module, part)
    return module
