"""What a rule tells whoever reads along: the name of a value, a remark on its line.

Called eagerly, a rule has no listener and both functions only hand their value back.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Listener(Protocol):
    """Reads along while a rule runs."""

    def named(self, value: object, name: str) -> None: ...

    def remark(self, value: object, text: str) -> None: ...

    def divides(self, divisor: int, size: int) -> bool: ...


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


def divides(divisor: int, size: int) -> bool:
    """Whether `size` is a multiple of `divisor`, whatever the input.

    Without a listener the size at hand is the only one. A listener that follows sizes through a
    model answers for all of them; one that cannot tell leaves `divides` out, which means no.
    """
    active = listener.get()
    if active is None:
        return size % divisor == 0
    answer = getattr(active, "divides", None)
    return answer is not None and bool(answer(divisor, size))
