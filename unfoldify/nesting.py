"""The tensors inside tuples, dicts, dataclasses and other objects, each with a readable path."""

from __future__ import annotations

import copy
import dataclasses
import enum
import inspect
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Change = Callable[[str, Tensor], Tensor]
_OPAQUE = (
    nn.Module,
    type,
    types.ModuleType,
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    enum.Enum,
    torch.dtype,
    torch.device,
    torch.Generator,
)


def parts(value: Any) -> list[tuple[str, Any]] | None:
    """What a container or object holds, each with the step that leads to it; None for a leaf."""
    if isinstance(value, (Tensor, *_OPAQUE)):
        return None
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [(f".{name}", getattr(value, name)) for name in value._fields]
    if isinstance(value, (tuple, list)):
        return [(f"[{i}]", part) for i, part in enumerate(value)]
    if isinstance(value, Mapping):
        plain = type(value).__module__ in ("builtins", "collections")
        return [(_step(key, dotted=not plain), part) for key, part in value.items()]
    if is_object(value):
        return [(f".{name}", part) for name, part in vars(value).items()]
    return None


def is_object(value: Any) -> bool:
    """Whether a value is looked into by its attributes: of a class that is nothing special."""
    if isinstance(value, (Tensor, tuple, list, Mapping, *_OPAQUE)):
        return False
    return hasattr(value, "__dict__") and type(value).__module__ != "builtins"


def _step(key: Any, *, dotted: bool) -> str:
    return f".{key}" if dotted and isinstance(key, str) and key.isidentifier() else f"[{key!r}]"


def walk(value: Any, path: str = "", _above: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every leaf, tensor or plain value, with its path: `cache.keys[0]`, `batch['mask']`."""
    held = parts(value)
    if held is None or id(value) in _above:
        yield path, value
        return
    for step, part in held:
        yield from walk(part, _join(path, step), (*_above, id(value)))


def outline(value: Any, path: str = "", _above: tuple[int, ...] = ()) -> dict[str, str]:
    """What holds the leaves: the kind of container at each path that has one.

    Dictionaries of all kinds are "dict"; other classes go by their name, which begins with
    "object " unless they are made to carry values (dataclasses, mappings, named tuples).
    """
    held = parts(value)
    if held is None or id(value) in _above:
        return {}
    name = next((kind for kind in ("list", "dict") if kind in _bases(value)), "tuple")
    if type(value).__module__ not in ("builtins", "collections", "torch", "torch.return_types"):
        carries = isinstance(value, (Mapping, tuple, list)) or dataclasses.is_dataclass(value)
        name = type(value).__name__ if carries else f"object {type(value).__name__}"
    found = {path: name}
    for step, part in held:
        found |= outline(part, _join(path, step), (*_above, id(value)))
    return found


def _bases(value: Any) -> set[str]:
    return {base.__name__ for base in type(value).__mro__}


def tensors(value: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor with its path; one that occurs twice comes once, under its first path."""
    seen: set[int] = set()
    for where, leaf in walk(value, path):
        if isinstance(leaf, Tensor) and id(leaf) not in seen:
            seen.add(id(leaf))
            yield where, leaf


def rebuilt(value: Any, change: Change, path: str = "", memo: dict[int, Any] | None = None) -> Any:
    """The same structure with each tensor replaced by `change(path, tensor)`.

    What was one object in two places stays one object.
    """
    memo = {} if memo is None else memo
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, Tensor):
        return memo.setdefault(id(value), change(path, value))
    held = parts(value)
    if held is None:
        return value
    if not isinstance(value, tuple):
        memo[id(value)] = copy.copy(value)  # known before the descent: it may contain itself
    new = [rebuilt(part, change, _join(path, step), memo) for step, part in held]
    if isinstance(value, tuple):
        return memo.setdefault(id(value), _tuple_like(value, new))
    _fill(memo[id(value)], value, new)
    return memo[id(value)]


def _tuple_like(old: tuple[Any, ...], values: list[Any]) -> tuple[Any, ...]:
    return type(old)(*values) if hasattr(old, "_fields") else type(old)(values)


def _fill(new: Any, old: Any, values: list[Any]) -> None:
    if isinstance(old, list):
        new[:] = values
    elif isinstance(old, Mapping):
        for key, value in zip(old, values, strict=True):
            new[key] = value
    else:
        new.__dict__.update(zip(vars(old), values, strict=True))


def _join(path: str, step: str) -> str:
    return path + step if path else step.removeprefix(".")


def arguments(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call under the names that `forward` gives them."""
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        parameters = ()  # type: ignore[assignment]
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    first = {names[i] if i < len(names) else f"args[{i}]": arg for i, arg in enumerate(args)}
    return first | dict(kwargs)


def tensors_of_call(
    model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, Tensor]]:
    """Every tensor among the arguments; paths begin with the names in `forward`."""
    seen: set[int] = set()
    for name, value in arguments(model, args, kwargs).items():
        for path, tensor in tensors(value, name):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield path, tensor


def rebuilt_call(
    model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], change: Change
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The call's arguments with each tensor changed; paths begin with the names in `forward`."""
    memo: dict[int, Any] = {}
    named = arguments(model, args, kwargs)
    new = {name: rebuilt(value, change, name, memo) for name, value in named.items()}
    return tuple(list(new.values())[: len(args)]), {name: new[name] for name in kwargs}
