"""What the values of a transform are called: as its function calls them, or the line that it stands in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from torch import nn
from torch.utils import _pytree as pytree

from unfoldify.recording.source import site

OF_LAYERS = ("input", "args")  # what layers call their argument, whatever it is


def words(function: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    """What a function calls the leaves of its arguments: `x`, or `weight` of a dict of parameters."""
    given = function.forward if isinstance(function, nn.Module) else function
    try:
        bound = inspect.signature(given).bind(*args)
        names = [
            name for name, value in bound.arguments.items() for _ in starred(bound, name, value)
        ]
    except (TypeError, ValueError):
        names = [*"xyz", *["item"] * len(args)][: len(args)]
    names = ["x" if name in OF_LAYERS else name for name in names]
    found = []
    for name, arg in zip(names, args, strict=True):
        leaves = pytree.tree_flatten_with_path(arg)[0]
        for path, _ in leaves:
            keys = [str(getattr(step, "key", getattr(step, "idx", ""))) for step in path]
            word = "_".join(keys)
            whole = name if len(leaves) == 1 else "_".join([name, *keys])
            found.append(word if word and not word[0].isdigit() else whole)
    return found


def starred(bound: inspect.BoundArguments, name: str, value: Any) -> Any:
    """The values that one parameter takes: more than one, where it has a star."""
    kind = bound.signature.parameters[name].kind
    return value if kind is inspect.Parameter.VAR_POSITIONAL else (value,)


def named_as_unpacked(recorder: Any, results: Any) -> Any:
    """`y, slope = jvp(...)`: what is handed out has the names that the user's line gives it."""
    positions = recorder.positions()
    found = site(positions[0]) if positions else None
    is_tuple = isinstance(results, tuple)
    if found is not None and found.unpacks and is_tuple and len(found.targets) == len(results):
        for word, result in zip(found.targets, results, strict=True):
            if word is not None:
                recorder.named(result, word)
    return results


def users_word(recorder: Any) -> str | None:
    """What the user's line assigns its value to."""
    positions = recorder.positions()
    found = site(positions[0]) if positions else None
    return found.targets[0] if found is not None and found.role == "assigned" else None


def named_if_nameless(recorder: Any, value: Any, word: str) -> None:
    """A word for a value that the user's line gives none."""
    if users_word(recorder) is None:
        recorder.named(value, word)


def named_all(recorder: Any, values: Iterable[Any], word: str) -> None:
    """One word for each of some values."""
    for value in values:
        recorder.named(value, word)
