"""What may happen to a place of the user's file."""

from __future__ import annotations

from dataclasses import dataclass

from unfoldify.emit.patch.stages import Stage


@dataclass(frozen=True)
class Argument:
    """A further argument of a call, and the parameter that it is for."""

    name: str
    text: str


@dataclass(frozen=True)
class Inline:
    """Lines above the statement."""

    stages: tuple[Stage, ...]
    word: str | None


@dataclass(frozen=True)
class CallFunction:
    """The function of this name instead of torch's or the layer's, with further arguments."""

    function: str
    more: tuple[Argument, ...] = ()


@dataclass(frozen=True)
class CallWithLayer:
    """A function that is given the layer: `apply(layer, x)`."""

    function: str
    layer: str


@dataclass(frozen=True)
class Leave:
    """The call stays as it is."""

    reason: str


Decision = Inline | CallFunction | CallWithLayer | Leave
