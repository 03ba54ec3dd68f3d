"""Small values for the constructor arguments that models of one author have in common."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any


def filled(
    build: Callable[..., Any], vocabulary: Mapping[str, Any], overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments that `build` takes: all overrides, and of the vocabulary what it names itself.

    >>> filled(lambda dim, depth=12, heads=8: ..., {"dim": 24, "depth": 2, "n": 4}, {"heads": 1})
    {'dim': 24, 'depth': 2, 'heads': 1}
    """
    named = inspect.signature(build).parameters
    return {name: value for name, value in vocabulary.items() if name in named} | dict(overrides)
