"""A strange model and what it is called with, kept by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import nn

Build = TypeVar("Build", bound=Callable[..., Any])


@dataclass(frozen=True)
class Example:
    """How to build a model, what to call it with, and what the report must say is fixed."""

    build: Callable[[], nn.Module]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    fixed: bool = False  # something of the example is fixed by the model's own control flow
    refused: str = ""  # the message, where the model is one that cannot be written down


EXAMPLES: dict[str, Example] = {}


def example(*args: Any, fixed: bool = False, **kwargs: Any) -> Callable[[Build], Build]:
    """Keep a class of models with the arguments of an example call."""

    def keep(build: Build) -> Build:
        EXAMPLES[build.__name__] = Example(build, args, kwargs, fixed)
        return build

    return keep


def refused(message: str, *args: Any, **kwargs: Any) -> Callable[[Build], Build]:
    """Keep a class of models that no file can be written for, with the message that says so."""

    def keep(build: Build) -> Build:
        EXAMPLES[build.__name__] = Example(build, args, kwargs, refused=message)
        return build

    return keep
