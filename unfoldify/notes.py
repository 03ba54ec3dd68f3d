"""What a rule tells whoever reads along: the name of a value, a remark on its line, its parts.

Called eagerly, a rule has no listener: values are only handed back.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Protocol, TypeVar

from torch import Tensor

T = TypeVar("T")


class Listener(Protocol):
    """Reads along while a rule runs."""

    def named(self, value: object, name: str) -> None: ...

    def remark(self, value: object, text: str) -> None: ...

    def part(self, text: str) -> None: ...

    def moves(self, x: Tensor, dim: int) -> bool: ...

    def always_equal(self, a: int, b: int) -> bool: ...

    def is_zero(self, x: Tensor) -> bool: ...

    def counts(self, x: Tensor, example: list[int]) -> list[int] | None: ...

    def backwards(self, values: Sequence[T]) -> Sequence[T]: ...


listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def named(name: str, value: T) -> T:
    """`value`, which should be called `name` where a reader meets it."""
    active = listener.get()
    if active is not None:
        active.named(value, name)
    return value


def remark(value: T, text: str) -> T:
    """`value`, whose line should end in the comment `text`."""
    active = listener.get()
    if active is not None:
        active.remark(value, text)
    return value


def part(text: str) -> None:
    """What the lines that follow do, in a rule of several steps."""
    active = listener.get()
    if active is not None:
        active.part(text)


def moves(x: Tensor, dim: int) -> bool:
    """Whether a size may be another one for other inputs.

    Without a listener the size at hand is the only one. A listener that follows sizes through a
    model knows those that are free; one that cannot tell says yes.
    """
    active = listener.get()
    if active is None:
        return not isinstance(x.shape[dim], int)  # torch.export and torch.compile follow it
    return active.moves(x, dim % x.dim())


def always_equal(a: int, b: int) -> bool:
    """Whether two sizes are the same for every input, as far as a listener can tell."""
    active = listener.get()
    return active.always_equal(a, b) if active is not None else bool(a == b)


def is_zero(x: Tensor) -> bool:
    """Whether a listener knows that a tensor is nothing but zeros, whatever the input."""
    active = listener.get()
    return active is not None and active.is_zero(x)


def counts(x: Tensor, example: list[int]) -> list[int] | None:
    """The numbers in `x`, which are data: to a listener those of the example, each standing for
    whatever it is when the file runs. None where nobody can follow data.
    """
    active = listener.get()
    if active is None:
        return None if x.is_meta else x.tolist()
    return active.counts(x, example)


def backwards(values: Sequence[T]) -> Sequence[T]:
    """All values, the last first."""
    active = listener.get()
    return active.backwards(values) if active is not None else values[::-1]
