"""The tensors inside the tuples, mappings and dataclasses that a model takes and returns."""

from __future__ import annotations

import dataclasses
import inspect
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from unfoldify.nesting import is_object
from unfoldify.recording.numbers.traced import Traced


def given_one_by_one(bound: inspect.BoundArguments) -> Iterator[tuple[str, Any, Any]]:
    """Name, value and kind of each argument; what `**kwargs` took, under the names it was given."""
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            yield from ((key, item, inspect.Parameter.KEYWORD_ONLY) for key, item in value.items())
        else:
            yield name, value, kind


def steps(value: Any) -> Iterator[tuple[Callable[..., Any], Any, Any]]:
    """One level into a structure: how to get there, by which key, and what is there."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from ((getattr, name, getattr(value, name)) for name in value._fields)
    elif isinstance(value, (tuple, list)):
        yield from ((operator.getitem, index, item) for index, item in enumerate(value))
    elif isinstance(value, Mapping):
        yield from ((operator.getitem, key, item) for key, item in value.items())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from ((getattr, name, item) for name, item in fields_held(value).items())


def steps_of_argument(value: Any) -> Iterator[tuple[Callable[..., Any], Any, Any]]:
    """As `steps`, and into objects: what a model takes may be of any class, as DETR's images are."""
    if is_object(value) and not dataclasses.is_dataclass(value):
        yield from ((getattr, name, item) for name, item in vars(value).items())
    else:
        yield from steps(value)


def tensors_of_argument(value: Any, depth: int = 8) -> Iterator[Tensor]:
    """The tensors of an argument; objects may hold each other, so there is an end to it."""
    if isinstance(value, Tensor):
        yield value
    elif depth:
        for _, _, item in steps_of_argument(value):
            yield from tensors_of_argument(item, depth - 1)


def fields_held(value: Any) -> dict[str, Any]:
    """What a dataclass holds, in order. Its attributes may be guarded by code of its own."""
    held = getattr(value, "__dict__", None)
    names = [field.name for field in dataclasses.fields(value)]
    if held is None:  # slots
        return {name: getattr(value, name) for name in names if hasattr(value, name)}
    return {name: held[name] for name in names if name in held}


def numbers_in(value: Any) -> Iterator[Traced]:
    """The numbers of a structure that remember where they came from."""
    if isinstance(value, Traced):
        yield value
    else:
        for _, _, item in steps(value):
            yield from numbers_in(item)


def leaves(value: Any) -> Iterator[Tensor]:
    """The tensors of a structure."""
    if isinstance(value, Tensor):
        yield value
    else:
        for _, _, item in steps(value):
            yield from leaves(item)


def named_fields(value: Any) -> dict[str, Any] | None:
    """The fields of a namedtuple, a dataclass or a mapping such as ModelOutput, by name."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: getattr(value, name) for name in value._fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return fields_held(value)
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    return None
