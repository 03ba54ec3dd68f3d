"""What `get_inputs()` and `get_init_inputs()` return → positional and keyword arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def as_arguments(value: Any, function: Callable[..., Any], *, pairs: tuple[type, ...]) -> Arguments:
    """A list of arguments, an (args, kwargs) pair, a dict of keywords, or one lone argument.

    `pairs` are the types in which a sequence of a list and a dict is read as (args, kwargs). Where
    `function` cannot take what this reading gives, but can take the other, it is the other.
    """
    readings = list(_readings(value, pairs))
    for args, kwargs in readings:
        if mismatch(function, args, kwargs) is None:
            return args, kwargs
    return readings[0]


def mismatch(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str | None:
    """Why `function` cannot be called so, in Python's words; None where it can."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C, or scripted
        return None
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return None


def _readings(value: Any, pairs: tuple[type, ...]) -> list[Arguments]:
    if isinstance(value, Mapping):
        keywords = [((), dict(value))] if _are_names(value) else []
        return [*keywords, ((value,), {})]
    if not isinstance(value, list | tuple) or hasattr(value, "_fields"):
        return [((value,), {})]
    plain: Arguments = (tuple(value), {})
    if isinstance(value, pairs) and len(value) == 2:
        args, kwargs = value
        if isinstance(args, list | tuple) and isinstance(kwargs, Mapping) and _are_names(kwargs):
            return [(tuple(args), dict(kwargs)), plain]
    return [plain]


def _are_names(mapping: Mapping[Any, Any]) -> bool:
    return all(isinstance(key, str) for key in mapping)
