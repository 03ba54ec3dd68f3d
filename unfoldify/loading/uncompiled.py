"""Classes of `torch.jit.ScriptModule` stay Python while the user's file is imported.

Such a class compiles its methods as soon as it is built, and what is compiled cannot be recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from torch import jit, nn

COMPILED = jit.ScriptModule


class LikeCompiled(type):
    """Torch's own questions, whether something is compiled, are answered as ever."""

    def __instancecheck__(cls, instance: object) -> bool:
        return super().__instancecheck__(instance) or (
            cls is Uncompiled and isinstance(instance, COMPILED)
        )


class Uncompiled(nn.Module, metaclass=LikeCompiled):
    """What the file's classes inherit from in its place: the same module, as it was written."""

    def __setattr__(self, name: str, value: Any) -> None:
        # a typed value, which the compiler takes apart
        super().__setattr__(name, value.value if isinstance(value, jit.Attribute) else value)


def as_written(method: Callable[..., Any]) -> Callable[..., Any]:
    return method


@contextmanager
def uncompiled() -> Iterator[None]:
    with patch.multiple(jit, ScriptModule=Uncompiled, script_method=as_written):
        yield
